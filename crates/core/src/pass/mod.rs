//! The pass: a signed, short-lived proof of a colour. The format is spec/pass.md.
