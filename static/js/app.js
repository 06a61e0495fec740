// Entry point. Every module only adds comfort: without scripts the pages still work by links and forms.
import "./bulk.js";
import "./clocks.js";
import "./dialogs.js";
import "./drafts.js";
import "./focus.js";
import "./inplace.js";
import "./keyboard.js";
import "./menus.js";
import "./network.js";
import "./picks.js";
import "./poll.js";
import "./print.js";
import "./rows.js";
import "./theme.js";
import "./toasts.js";
