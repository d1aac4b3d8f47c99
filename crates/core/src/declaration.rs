//! Declarations: the form that a pack asks for, and its validation.
