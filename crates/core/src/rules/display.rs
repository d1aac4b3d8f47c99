//! Colours as they are shown: a pack may show green as blue (Guangdong: red and blue). Within, in passes
//! and in numbers a colour stays green, yellow or red; its shape and its word say the same.

use serde::{Deserialize, Serialize};

use crate::decision::Colour;

/// What a colour is drawn in. Only such as cannot be taken for another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// Green.
    #[serde(default)]
    pub green: GreenInk,
    /// Yellow.
    #[serde(default)]
    pub yellow: YellowInk,
}

/// What green is drawn in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GreenInk {
    /// Green.
    #[default]
    Green,
    /// Blue (蓝码).
    Blue,
}

/// What yellow is drawn in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YellowInk {
    /// Yellow.
    #[default]
    Yellow,
    /// Orange (橙码).
    Orange,
}

impl Display {
    /// What a colour is drawn in, as a word.
    #[must_use]
    pub fn shown(self, colour: Colour) -> &'static str {
        match (colour, self.green, self.yellow) {
            (Colour::Green, GreenInk::Blue, _) => "blue",
            (Colour::Yellow, _, YellowInk::Orange) => "orange",
            _ => colour.name(),
        }
    }
}
