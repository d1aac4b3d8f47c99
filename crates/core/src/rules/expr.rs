//! Compiles and evaluates `when`: a type-checked subset of CEL.
