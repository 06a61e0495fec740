"""One module a kind of source: bytes in, LeadPayload out, PayloadInvalid with the reason otherwise."""
