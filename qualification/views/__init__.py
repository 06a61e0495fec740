"""Pages and verbs: fetch with permission, form, room function, answer."""
