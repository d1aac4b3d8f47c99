//! Words of kinds, fields and values (名称) where a pack has none of its own: for sentences about rules
//! and accounts of decisions, which officers read. What residents are asked stays the pack's.

use crate::fact::Kind;
use crate::rules::words::Lang;

/// Chinese and English.
type Both = (&'static str, &'static str);

fn pick(both: Both, lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => both.0,
        Lang::En => both.1,
    }
}

/// A kind of fact; in English with its article.
#[must_use]
pub fn kind(kind: Kind, lang: Lang) -> &'static str {
    let both = match kind {
        Kind::Declaration => ("健康申报", "a declaration"),
        Kind::CheckIn => ("健康打卡", "a check-in"),
        Kind::Listed => ("名单记录", "an entry on a list"),
        Kind::Test => ("检测记录", "a test"),
        Kind::Finding => ("核查认定", "a finding"),
        Kind::Review => ("审核结论", "a reviewer's answer"),
        Kind::Identity => ("身份核验", "an identity check"),
        Kind::Correction => ("更正", "a correction"),
        Kind::Confirmation => ("解除确认", "a confirmation"),
        Kind::Episode => ("判定记录", "a record of an episode"),
        Kind::Vaccination => ("接种记录", "a vaccination"),
        Kind::Quarantine => ("隔离令", "a quarantine order"),
        Kind::Arrival => ("到达记录", "an arrival"),
        Kind::Observation => ("采集记录", "an observation"),
        Kind::Certificate => ("电子证明", "a certificate"),
        Kind::Order => ("处置令", "an order"),
        Kind::Signature => ("复签", "a signature"),
    };
    pick(both, lang)
}

/// The same in English without its article: "declaration".
#[must_use]
pub fn bare(of: Kind, lang: Lang) -> &'static str {
    let text = kind(of, lang);
    text.strip_prefix("an ").or_else(|| text.strip_prefix("a ")).unwrap_or(text)
}

/// A field; in English with its article. A list is in the plural.
#[must_use]
pub fn field(kind: Kind, name: &str, lang: Lang) -> &'static str {
    let both = match (kind, name) {
        (_, "subject") => ("申报人类别", "the kind of person"),
        (_, "residence") => ("居住地", "the place of residence"),
        (_, "in_city") => ("目前在本地", "being here"),
        (_, "destination") => ("目的地", "the destination"),
        (_, "arrives_on") => ("计划到达日期", "the planned day of arrival"),
        (_, "visited") => ("到过的地方", "the places visited"),
        (_, "left_on") => ("离开日期", "the day of leaving"),
        (_, "overseas") => ("到过境外", "travel abroad"),
        (_, "contact") => ("接触情况", "contact"),
        (_, "contact_on") => ("最后接触日期", "the day of the last contact"),
        (_, "under_measure") => ("本人管控情况", "the person's own status"),
        (_, "temperature_c") => ("体温", "the temperature"),
        (_, "symptoms") => ("症状", "symptoms"),
        (_, "health") => ("身体状况", "the state of health"),
        (_, "commitment") => ("承诺书", "the commitment"),
        (_, "list") => ("名单类别", "the list"),
        (_, "since") => ("列入日期", "the day of listing"),
        (Kind::Test, "place") => ("采样地", "the place of sampling"),
        (Kind::Vaccination, "place") => ("接种地", "the place of vaccination"),
        (Kind::Quarantine, "place") => ("隔离地", "the place of quarantine"),
        (Kind::Arrival, "place") => ("到达地", "the place of arrival"),
        (_, "place") => ("所在地", "the place"),
        (Kind::Test, "method") => ("检测方法", "the method"),
        (Kind::Identity, "method") => ("核验方式", "the way of checking"),
        (_, "result") => ("检测结果", "the result"),
        (_, "sampled_at") => ("采样时间", "the time of sampling"),
        (_, "vaccine") => ("疫苗", "the vaccine"),
        (_, "dose") => ("剂次", "the number of the dose"),
        (_, "on") => ("接种日期", "the day of vaccination"),
        (_, "stay") => ("隔离方式", "the kind of quarantine"),
        (_, "from") => ("隔离开始日期", "the first day of quarantine"),
        (_, "until") => ("隔离结束日期", "the last day of quarantine"),
        (_, "arrived_on") => ("到达日期", "the day of arrival"),
        (_, "origin") => ("来源地", "the place of departure"),
        (Kind::Certificate, "country") => ("签发国家", "the country of issue"),
        (_, "country") => ("来自的国家", "the country of departure"),
        (_, "entry") => ("登记方式", "the kind of entry"),
        (_, "type") => ("证明类别", "the kind of certificate"),
        (_, "disease") => ("病种", "the disease"),
        (_, "issued_at") => ("签发时间", "the time of issue"),
        (_, "expires_at") => ("到期时间", "the time of expiry"),
        (_, "shown_at") => ("出示时间", "the time of showing"),
        (_, "finding") => ("认定结论", "the finding"),
        (_, "outcome") => ("审核结论", "the answer"),
        (_, "bound") => ("账号绑定", "the account's binding"),
        (_, "level") => ("确认单位层级", "the level of the office"),
        (_, "rule") => ("所依据的规则", "the rule"),
        (_, "evidence") => ("所依据的证据", "the evidence"),
        (_, "reason") => ("理由", "the reason"),
        (_, "urgent") => ("紧急", "urgency"),
        (_, "reference") => ("编号", "the reference"),
        _ => ("该项", "it"),
    };
    pick(both, lang)
}

/// A yes or no as two clauses: that it is so, and that it is not.
#[must_use]
pub fn yes_no(name: &str, yes: bool, lang: Lang) -> Option<&'static str> {
    let both = match (name, yes) {
        ("in_city", true) => ("目前在本地", "the person is here already"),
        ("in_city", false) => ("目前不在本地", "the person is not here yet"),
        ("overseas", true) => ("到过境外", "the person was abroad"),
        ("overseas", false) => ("没有到过境外", "the person was not abroad"),
        ("bound", true) => ("账号已绑定", "the account is bound"),
        ("bound", false) => ("账号未绑定", "the account is not bound"),
        ("urgent", true) => ("属于紧急处置", "the order is urgent"),
        ("urgent", false) => ("不属于紧急处置", "the order is not urgent"),
        _ => return None,
    };
    Some(pick(both, lang))
}

/// A value of a choice.
#[must_use]
pub fn choice(name: &str, word: &str, lang: Lang) -> Option<&'static str> {
    let both = match (name, word) {
        (_, "confirmed") => ("确诊病例", "confirmed case"),
        (_, "suspected") => ("疑似病例", "suspected case"),
        (_, "asymptomatic") => ("无症状感染者", "asymptomatic case"),
        (_, "close_contact") => ("密切接触者", "close contact"),
        (_, "contact_of_contact") => ("密接的密接", "contact of a close contact"),
        (_, "inbound") => ("入境人员", "arrived from abroad"),
        (_, "quarantine") => ("隔离人员", "in quarantine"),
        (_, "medical_observation") => ("医学观察", "under medical observation"),
        (_, "released") => ("已解除", "released"),
        ("contact" | "under_measure", "none") => ("无", "none"),
        ("subject", "resident") => ("本地居民", "resident"),
        ("subject", "intending") => ("计划前来", "intends to come"),
        (_, "well") => ("健康", "well"),
        (_, "unwell") => ("身体不适", "unwell"),
        (_, "pcr") => ("核酸检测", "PCR"),
        (_, "antigen") => ("抗原检测", "antigen"),
        (_, "negative") => ("阴性", "negative"),
        (_, "positive") => ("阳性", "positive"),
        (_, "pending") => ("待出结果", "not known yet"),
        (_, "inactivated") => ("灭活疫苗", "inactivated"),
        (_, "adenovirus") => ("腺病毒载体疫苗", "adenovirus vector"),
        (_, "subunit") => ("重组亚单位疫苗", "subunit"),
        (_, "mrna") => ("mRNA 疫苗", "mRNA"),
        ("vaccine", "other") => ("其他疫苗", "another one"),
        ("stay", "home") => ("居家隔离", "at home"),
        ("stay", "central") => ("集中隔离", "in a central place"),
        ("stay", "hospital") => ("住院隔离", "in hospital"),
        ("entry", "person") => ("单人", "a person"),
        ("entry", "vehicle") => ("车辆", "a vehicle"),
        ("entry", "household") => ("住户", "a household"),
        ("type", "vaccination") => ("接种证明", "vaccination"),
        ("type", "test") => ("检测证明", "test"),
        ("type", "recovery") => ("康复证明", "recovery"),
        (_, "investigation_report") => ("流调报告", "investigation report"),
        (_, "laboratory_report") => ("检测报告", "laboratory report"),
        (_, "diagnosis") => ("诊断", "diagnosis"),
        (_, "correction_notice") => ("更正通知", "correction notice"),
        (_, "false_declaration") => ("申报不实", "false declaration"),
        (_, "appeal_upheld") => ("维持原判定", "appeal upheld the decision"),
        (_, "appeal_allowed") => ("申诉成立", "appeal allowed"),
        (_, "confirmation_refused") => ("不予确认", "confirmation refused"),
        (_, "approved") => ("通过", "approved"),
        (_, "returned") => ("退回", "returned"),
        (_, "demo") => ("演示", "demonstration"),
        (_, "gateway") => ("身份认证平台", "identity gateway"),
        (_, "reviewer") => ("人工审核", "reviewer"),
        (_, "seen_document") => ("现场查验证件", "document seen"),
        ("level", _) => return level(word, lang),
        _ => return None,
    };
    Some(pick(both, lang))
}

/// An authority that confirms; in English with its article.
#[must_use]
pub fn level(word: &str, lang: Lang) -> Option<&'static str> {
    let both = match word {
        "community" => ("社区", "the community"),
        "county" => ("区县主管部门", "the county's authority"),
        "city" => ("市级主管部门", "the city's authority"),
        "province" => ("省级主管部门", "the province's authority"),
        "hospital" => ("医院", "the hospital"),
        _ => return None,
    };
    Some(pick(both, lang))
}
