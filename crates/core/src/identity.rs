//! Identity documents, names and phone numbers: formats, check digits, masks.
