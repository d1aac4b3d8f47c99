//! Rules as sentences: every operator of the language, and every rule of every pack that ships, as an
//! officer reads it. `UPDATE_GOLDEN=1` writes `tests/sentences/` anew; read what changed.

use std::fmt::Write as _;
use std::path::Path;

use crate::shipped::shipped;
use kangma_core::fact::Kind;
use kangma_core::rules::expr::{Scope, compile};
use kangma_core::rules::pack::{Library, Pack};
use kangma_core::rules::sentence::{check_ins, sentence};
use kangma_core::rules::words::Lang;

fn packs() -> Vec<Pack> {
    let library = Library::new(shipped());
    shipped().iter().map(|f| Pack::load_with(f, &library).unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn told(pack: &Pack) -> String {
    let mut text = String::new();
    for lang in Lang::ALL {
        writeln!(text, "{}\n", pack.name(lang)).unwrap();
        writeln!(text, "{}\n", check_ins(pack, lang)).unwrap();
        for rule in &pack.rules {
            writeln!(text, "{}  {}\n", rule.id, sentence(pack, rule, lang)).unwrap();
        }
    }
    text
}

#[test]
fn every_rule_that_ships_reads_as_it_was_read_before() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sentences");
    for pack in packs() {
        let (file, found) = (dir.join(format!("{}.txt", pack.id)), told(&pack));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &found).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            kept, found,
            "{}: UPDATE_GOLDEN=1 cargo test -p kangma-core sentences, and read what it wrote",
            pack.id
        );
    }
}

/// No name of a field, a choice or an operator is left in what people read.
#[test]
fn sentences_are_free_of_code() {
    for pack in packs() {
        for lang in Lang::ALL {
            for rule in &pack.rules {
                let text = sentence(&pack, rule, lang);
                for code in ["fact.", "person.", "&&", "||", "==", "!=", "_", "  ", "？？", "。。", ".."]
                {
                    assert!(!text.contains(code), "{} {}: {code} in {text}", pack.id, rule.id);
                }
                if lang == Lang::Zh {
                    assert!(text.ends_with('。'), "{text}");
                } else {
                    assert!(text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase()), "{text}");
                }
            }
        }
    }
}

#[test]
fn every_operator_of_the_language_has_its_words() {
    let pack = packs().into_iter().find(|p| &*p.id == "hangzhou-2020-02-11").unwrap();
    let d = Kind::Declaration;
    let rows: &[(Kind, &str, &str, &str)] = &[
        (
            d,
            "fact.overseas",
            "对“最近 14 天到过境外吗？”回答“是”",
            "the answer to “Were you abroad during the last 14 days?” is “Yes”",
        ),
        (
            d,
            "!fact.overseas",
            "对“最近 14 天到过境外吗？”回答“否”",
            "the answer to “Were you abroad during the last 14 days?” is “No”",
        ),
        (
            d,
            "fact.health != 'well'",
            "对“您现在身体怎么样？”回答“身体不适”",
            "the answer to “How do you feel now?” is “Unwell”",
        ),
        (d, "fact.temperature_c >= 37.3", "体温达到 37.3 ℃", "the temperature is 37.3 ℃ or more"),
        (d, "!(fact.temperature_c >= 37.3)", "体温低于 37.3 ℃", "the temperature is below 37.3 ℃"),
        (
            d,
            "fact.temperature_c + 0.5 > 38.0",
            "体温加0.5超过 38 ℃",
            "the temperature plus 0.5 is above 38 ℃",
        ),
        (d, "fact.temperature_c in [37.0, 38.0]", "体温为 37 ℃或38 ℃", "the temperature is 37 ℃ or 38 ℃"),
        (d, "size(fact.symptoms) > 0", "填报了症状", "symptoms are reported"),
        (d, "size(fact.visited) == 0", "没有填报到过的地方", "no places visited are reported"),
        (d, "size(fact.symptoms) >= 2", "填报的症状达到 2 项", "the number of symptoms is 2 or more"),
        (d, "'fever' in fact.symptoms", "症状中有“发热”", "symptoms include “Fever”"),
        (d, "!('fever' in fact.symptoms)", "症状中没有“发热”", "symptoms do not include “Fever”"),
        (
            d,
            "fact.symptoms == ['fever', 'fatigue']",
            "症状正好是“fever”和“fatigue”",
            "symptoms are exactly “fever” and “fatigue”",
        ),
        (
            d,
            "fact.residence.startsWith('3301')",
            "居住地在浙江省杭州市",
            "the place of residence lies in 浙江省杭州市 (3301)",
        ),
        (
            d,
            "fact.residence == fact.destination",
            "居住地与目的地相同",
            "the place of residence is the same as the destination",
        ),
        (
            d,
            "area(fact.residence, 'key')",
            "居住地在疫情重点地区",
            "the place of residence lies in a key epidemic area",
        ),
        (
            d,
            "area(fact.residence, 'key', fact.left_on)",
            "居住地在离开日期时属于疫情重点地区",
            "the place of residence lies in a key epidemic area on the day of leaving",
        ),
        (
            d,
            "fact.visited.exists(v, area(v, 'key'))",
            "到过的地方中有一处在疫情重点地区",
            "at least one of the places visited lies in a key epidemic area",
        ),
        (
            d,
            "!fact.visited.exists(v, area(v, 'key'))",
            "到过的地方中没有一处在疫情重点地区",
            "none of the places visited lies in a key epidemic area",
        ),
        (
            d,
            "fact.visited.all(v, v.startsWith('33'))",
            "到过的地方每一处都在浙江省",
            "every one of the places visited lies in 浙江省 (33)",
        ),
        (
            d,
            "fact.visited.exists(v, v.startsWith('33') && v != '3301')",
            "到过的地方中有一处符合（该处在浙江省，且该处不是浙江省杭州市）",
            "for at least one of the places visited: (it lies in 浙江省 (33) and it is not 浙江省杭州市 (3301))",
        ),
        (d, "has(fact.left_on)", "有离开日期", "the day of leaving is known"),
        (d, "!has(person.residence)", "没有本人居住地", "the person's place of residence is not known"),
        (
            d,
            "has(fact.visited) && fact.visited.exists(v, area(v, 'key'))",
            "到过的地方中有一处在疫情重点地区",
            "at least one of the places visited lies in a key epidemic area",
        ),
        (
            d,
            "days_between(fact.left_on, day) <= 14",
            "从离开日期到健康申报当天不超过 14 天",
            "there are at most 14 days from the day of leaving to the day of the declaration",
        ),
        (
            d,
            "day_count(fact.left_on, day) > 14",
            "从离开日期到健康申报当天超过 14 天（首尾两天都计入）",
            "there are more than 14 days (both counted) from the day of leaving to the day of the declaration",
        ),
        (
            d,
            "fact.left_on < date('2020-01-23')",
            "离开日期早于2020年1月23日",
            "the day of leaving is before 23 January 2020",
        ),
        (
            d,
            "fact.left_on + 14 >= day",
            "离开日期之后 14 天不早于健康申报当天",
            "14 days after the day of leaving is on or after the day of the declaration",
        ),
        (
            d,
            "add_months(fact.left_on, 1) > day",
            "离开日期之后 1 个月晚于健康申报当天",
            "1 month after the day of leaving is after the day of the declaration",
        ),
        (
            d,
            "months_between(fact.left_on, day) < 3",
            "从离开日期到健康申报当天不足 3 个月",
            "there are fewer than 3 months from the day of leaving to the day of the declaration",
        ),
        (
            d,
            "working_days_between(fact.left_on, day) == 3",
            "从离开日期到健康申报当天正好 3 个工作日",
            "there are exactly 3 working days from the day of leaving to the day of the declaration",
        ),
        (d, "is_working_day(day)", "健康申报当天是工作日", "the day of the declaration is a working day"),
        (
            d,
            "add_working_days(fact.left_on, 3) == day",
            "离开日期之后 3 个工作日就是健康申报当天",
            "3 working days after the day of leaving is the day of the declaration",
        ),
        (d, "person.age >= 60", "年龄达到 60 岁", "the person's age is 60 or more"),
        (
            d,
            "person.subject == 'resident'",
            "申报人类别为“住在杭州”",
            "the kind of person is “I live in Hangzhou”",
        ),
        (
            d,
            "person.residence in ['3301', '42']",
            "本人居住地为浙江省杭州市或湖北省",
            "the person's place of residence is 浙江省杭州市 (3301) or 湖北省 (42)",
        ),
        (
            d,
            "fact.overseas == fact.in_city",
            "“对“最近 14 天到过境外吗？”回答“是””与“对“您现在在杭州吗？”回答“是””同时成立或同时不成立",
            "both or neither holds: “the answer to “Were you abroad during the last 14 days?” is “Yes””, “the answer to “Are you in Hangzhou now?” is “Yes””",
        ),
        (
            d,
            "fact.overseas ? size(fact.symptoms) > 0 : fact.temperature_c > 38.0",
            "如果对“最近 14 天到过境外吗？”回答“是”，则填报了症状；否则体温超过 38 ℃",
            "if the answer to “Were you abroad during the last 14 days?” is “Yes”, symptoms are reported; otherwise the temperature is above 38 ℃",
        ),
        (
            d,
            "fact.overseas in [true, false]",
            "是否对“最近 14 天到过境外吗？”回答“是”是已知的",
            "it is known whether the answer to “Were you abroad during the last 14 days?” is “Yes”",
        ),
        (
            Kind::Test,
            "hours_between(fact.sampled_at, happened) <= 24",
            "从采样时间到检测记录的时间不超过 24 小时",
            "there are at most 24 hours from the time of sampling to the time of the test",
        ),
        (
            Kind::Test,
            "fact.sampled_at < happened",
            "采样时间早于检测记录的时间",
            "the time of sampling is before the time of the test",
        ),
        (
            Kind::Test,
            "fact.method == 'pcr' && fact.result == 'positive'",
            "检测方法为“核酸检测”，且检测结果为“阳性”",
            "the method is “PCR” and the result is “positive”",
        ),
        (Kind::Vaccination, "fact.dose >= 2", "剂次达到 2", "the number of the dose is 2 or more"),
        (Kind::Vaccination, "fact.dose in [2, 3]", "剂次为 2或3", "the number of the dose is 2 or 3"),
        (Kind::Arrival, "fact.country != 'CN'", "来自的国家不是“CN”", "the country of departure is not “CN”"),
        (
            Kind::Listed,
            "fact.list == 'confirmed' || fact.list == 'suspected' && has(fact.since)",
            "名单类别为“确诊病例”，或者（名单类别为“疑似病例”，且有列入日期）",
            "the list is “confirmed case” or (the list is “suspected case” and the day of listing is known)",
        ),
    ];
    for (kind, source, zh, en) in rows {
        let scope = Scope::of(*kind).with_vocabulary(pack.vocabulary);
        let expr = compile(source, &scope).unwrap_or_else(|e| panic!("{source}: {e:?}"));
        assert_eq!(
            (expr.say(&pack, Lang::Zh), expr.say(&pack, Lang::En)),
            ((*zh).into(), (*en).into()),
            "{source}"
        );
    }
}

/// Whatever the language can say has words, in both languages and as its opposite.
#[test]
fn every_shared_expression_is_said() {
    let pack = packs().into_iter().find(|p| &*p.id == "hangzhou-2020-02-11").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/expressions.json");
    let doc: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut said = 0;
    for case in doc["cases"].as_array().unwrap() {
        let kind = Kind::named(case["kind"].as_str().unwrap()).unwrap();
        let source = case["expression"].as_str().unwrap();
        let Ok(expr) = compile(source, &Scope::of(kind)) else { continue };
        said += 1;
        for lang in Lang::ALL {
            let (yes, no) = (expr.say(&pack, lang), expr.say_not(&pack, lang));
            assert!(!yes.is_empty() && yes != no, "{source}: {yes} / {no}");
            for code in ["fact.", "person.", "&&", "||", "=="] {
                assert!(!yes.contains(code) && !no.contains(code), "{source}: {yes} / {no}");
            }
        }
    }
    assert!(said > 40, "{said}");
}
