//! Why somebody could not be recorded, with what to do about it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::lang::Lang;

/// Why somebody could not be recorded. The same item sent again is refused again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No pass at all, or a damaged one.
    NotAPass,
    /// Not signed by this service, or by a key that it no longer trusts.
    Forged,
    /// Not valid when it was seen.
    Expired,
    /// Nobody is registered so: by document also where the name differs.
    Unknown,
    /// The same person is in the entry twice.
    Twice,
    /// Seen too often in one day.
    DayFull,
}

impl Refusal {
    const ALL: [Refusal; 6] = [
        Refusal::NotAPass,
        Refusal::Forged,
        Refusal::Expired,
        Refusal::Unknown,
        Refusal::Twice,
        Refusal::DayFull,
    ];

    /// Stable code.
    pub fn code(self) -> &'static str {
        self.words().0
    }

    /// What to do, in a language.
    pub fn detail(self, lang: Lang) -> &'static str {
        let (_, zh, en) = self.words();
        if lang == Lang::Zh { zh } else { en }
    }

    /// The refusal that a problem stands for.
    pub fn of(problem: &Problem) -> Option<Refusal> {
        Refusal::ALL.into_iter().find(|r| r.code() == problem.code)
    }

    /// As the answer to a request about this one person.
    pub fn problem(self) -> Problem {
        let (code, zh, en) = self.words();
        match self {
            Refusal::DayFull => Problem::new(StatusCode::CONFLICT, code, zh, en),
            _ => Problem::field("pass", code, zh, en),
        }
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Refusal::NotAPass => (
                "collect.not_a_pass",
                "扫到的不是健康码，请对准对方手机上的康码重新扫。",
                "That is not a health code. Scan the code on the person's phone again.",
            ),
            Refusal::Forged => (
                "collect.forged",
                "这个码不是本系统签发的，或签发已久；请当面核对证件，重新扫码。",
                "This code was not issued here, or long ago. Check the person's document and scan again.",
            ),
            Refusal::Expired => (
                "collect.expired",
                "看到这个码时它已经失效（可能是截图）；请对方打开康码后重新扫，本机时间不准时请更正采集时间。",
                "The code was not valid when it was seen (a picture of one, perhaps). Have it opened anew and scan \
                 again; if this device's clock was wrong, correct the time of seeing.",
            ),
            Refusal::Unknown => (
                "collect.unknown",
                "没有登记，或姓名与证件不符；没有手机的人员请用代办申报登记。",
                "Nobody is registered so, or name and document differ. Somebody without a phone can be registered here.",
            ),
            Refusal::Twice => (
                "collect.twice",
                "同一人在这一条里出现了两次，只记录一次。",
                "The same person stands in this entry twice, and is recorded once.",
            ),
            Refusal::DayFull => (
                "collect.day_full",
                "该人员当天的采集记录已满，不再接收。",
                "Too much was recorded of this person on that day; no more is taken.",
            ),
        }
    }
}
