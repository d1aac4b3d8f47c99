//! The one funnel.
