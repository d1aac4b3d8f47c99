//! Why a pack is not taken, as an answer.

use axum::http::StatusCode;
use kangma_core::rules::pack::PackErrors;

use crate::error::{FieldProblem, Problem};

/// Where a pack is wrong: each diagnostic with its file, line and column, and what to write instead.
pub fn refused(errors: &PackErrors) -> Problem {
    let fields = errors.iter().take(50).map(|(file, d)| FieldProblem {
        field: format!("{file}:{}-{}", d.span.start, d.span.end),
        code: "rules.diagnostic",
        zh: d.message.clone(),
        en: d.message.clone(),
    });
    Problem {
        fields: fields.collect(),
        ..Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rules.pack",
            "规则包有错误，现行规则不变；请逐项修正。",
            "The pack is refused, and the rules in force stay. Mend each of these.",
        )
    }
}

/// Packs in force below that would be none with the one that they extend, and why.
pub fn children_refused(unfit: &[(Box<str>, PackErrors)]) -> Problem {
    let told = unfit.iter().flat_map(|(pack, errors)| errors.iter().map(move |(file, d)| (pack, file, d)));
    let fields = told.take(50).map(|(pack, file, d)| FieldProblem {
        field: format!("{pack}: {file}:{}-{}", d.span.start, d.span.end),
        code: "rules.diagnostic",
        zh: d.message.clone(),
        en: d.message.clone(),
    });
    Problem {
        fields: fields.collect(),
        ..Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rules.child",
            "下级区划现行的规则包继承本规则包，与新文本不相容；现行规则不变。请保留其引用的规则，或先更换下级规则包。",
            "Packs in force below extend this one and do not fit its new text; the rules in force stay. Keep the rules that they name, or replace those packs first.",
        )
    }
}

/// Packs in force below whose own text this node does not have, so that nobody knows what they would come to.
pub fn children_lost(lost: &[Box<str>]) -> Problem {
    let names = lost.join(", ");
    Problem::new(
        StatusCode::CONFLICT,
        "rules.child_text",
        format!(
            "下级现行规则包 {names} 继承本规则包，但本机没有与其现行版本一致的原文，无法得知新文本对其的影响。\
             请先把原文放入规则包文件夹，或重新发布该下级规则包。"
        ),
        format!(
            "{names}, in force below, extend this pack, and the text that they were made of is not at hand: nobody \
             knows what they would come to. Put their text back into the folder of packs, or publish them anew first."
        ),
    )
}
