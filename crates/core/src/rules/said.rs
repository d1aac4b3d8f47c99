//! What the service itself says to residents, beside a pack's words: in Chinese and in English here,
//! in further languages where a pack says it (`[server]` of `pages/<language>.toml`).

use crate::rules::pack::Pack;
use crate::rules::tongue::Tongue;
use crate::rules::words::Lang;

/// The part of a file of pages that holds these.
pub const SERVER: &str = "server";

/// Key, Chinese, English.
pub(crate) const SAID: &[(&str, &str, &str)] = &[
    ("document.resident_id", "居民身份证", "Resident identity card"),
    (
        "document.residence_permit",
        "港澳台居民居住证",
        "Residence permit for Hong Kong, Macao and Taiwan residents",
    ),
    (
        "document.hk_mo_permit",
        "港澳居民来往内地通行证",
        "Mainland travel permit for Hong Kong and Macao residents",
    ),
    ("document.tw_permit", "台湾居民来往大陆通行证", "Mainland travel permit for Taiwan residents"),
    ("document.passport", "护照", "Passport"),
    ("document.foreign_pr", "外国人永久居留身份证", "Foreign permanent resident ID card"),
    ("claim.word", "待核验身份", "Identity to be confirmed"),
    (
        "claim.needs_proof",
        "请输入身份核验码，完成后即可领码。",
        "Enter the proof-of-identity code; your code follows at once.",
    ),
    (
        "claim.in_review",
        "工作人员正在核验您的身份，完成后此页会自动更新。",
        "Staff are confirming your identity; this page updates by itself.",
    ),
    (
        "claim.refused",
        "身份核验未通过，请核对后重新申报。",
        "Your identity was not confirmed. Please check and declare again.",
    ),
    ("check_in.normal", "今日打卡已记录，情况正常。", "Today's check-in is recorded as normal."),
    (
        "check_in.again",
        "今日已打过卡，本次已记录，不重复计数。",
        "You had already checked in today; this one is recorded but does not count again.",
    ),
    (
        "check_in.abnormal",
        "今日打卡已记录，情况异常：连续打卡重新计算，请留在原地并联系社区或拨打 12345。",
        "Recorded, and not normal: the run of check-ins starts again. Stay where you are and call the community office or 12345.",
    ),
    (
        "order.waiting",
        "有单位对您作出处置令，尚未经另一单位复签，现在不影响您的健康码。",
        "An office wrote an order about you. No second office has signed it; it does not affect your code.",
    ),
    (
        "order.urgent",
        "有单位对您作出紧急处置，最长两小时；两小时内未经另一单位复签即自动失效。",
        "An office wrote an urgent order about you. It acts for two hours at most unless a second office signs it.",
    ),
    (
        "order.in_force",
        "两个单位共同对您作出的处置令正在生效。如认为有误，可以申诉。",
        "An order about you by two offices is in force. If it is wrong, you can appeal.",
    ),
    (
        "order.released",
        "两个单位共同认定此前的管控对您不再适用，已经解除。",
        "Two offices established that an earlier measure no longer holds for you.",
    ),
    (
        "order.lapsed",
        "对您的处置令无另一单位复签，已经失效。",
        "An order about you was signed by no second office and has lapsed.",
    ),
    ("order.ended", "对您的处置令已经到期结束。", "An order about you has come to its end."),
    (
        "order.withdrawn",
        "对您的处置令已经撤回，由它引起的颜色已经取消。",
        "An order about you was withdrawn, and with it the colour that it gave.",
    ),
    (
        "taken_back.corrected",
        "{day} 的{what}已由报送单位更正，健康码已按更正后的内容重新判定。",
        "The {what} of {day} was corrected by whoever had sent it, and your code was decided again.",
    ),
    (
        "taken_back.withdrawn",
        "{day} 的{what}已撤销，不再作为判定依据，健康码已重新判定。",
        "The {what} of {day} was withdrawn. It no longer counts, and your code was decided again.",
    ),
    ("record.test", "检测结果", "test result"),
    ("record.listed", "名单记录", "entry on a list"),
    ("record.vaccination", "接种记录", "vaccination record"),
    ("record.quarantine", "隔离令", "quarantine order"),
    ("record.arrival", "到达记录", "record of an arrival"),
    ("record.certificate", "电子证明", "certificate"),
    ("record.other", "记录", "record"),
];

impl Pack {
    /// A sentence of the service, in the pack's texts where it has them in the language asked.
    #[must_use]
    pub fn said(&self, key: &str, tongue: impl Into<Tongue>) -> &str {
        let tongue = tongue.into();
        if let Some(text) = self.page_texts(tongue.in_pack(self)).and_then(|t| t.get(SERVER)?.get(key)) {
            return text;
        }
        let found = SAID.iter().find(|(k, ..)| *k == key);
        found.map_or("", |(_, zh, en)| if tongue.ours == Lang::Zh { zh } else { en })
    }
}
