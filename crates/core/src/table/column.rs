//! Columns: what they are called, and which header means which.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::ListKind;
use super::value::clean;

macro_rules! columns {
    ($($name:ident $word:literal [$($alias:literal),*];)*) => {
        /// What a column holds.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "docs/import.md has them all")]
        pub enum Column { $($name),* }

        impl Column {
            /// Every column.
            pub const ALL: &[Column] = &[$(Column::$name),*];

            /// Its name in JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Column::$name => $word),* }
            }

            /// Headers that mean it, in the shape of [`plain`].
            fn aliases(self) -> &'static [&'static str] {
                match self { $(Column::$name => &[$word, $($alias),*]),* }
            }
        }
    };
}

columns! {
    Name "name" ["姓名", "名字", "被检者", "被检人", "受检者", "受种者", "人员姓名", "fullname", "person"];
    DocumentType "document_type" ["证件类型", "证件类别", "证件种类", "idtype", "documenttype"];
    DocumentNumber "document_number" ["身份证", "身份证号", "身份证号码", "公民身份号码", "证件号", "证件号码", "idnumber",
        "idno", "id", "documentnumber", "documentno", "passport", "passportno", "护照号", "护照号码"];
    Nationality "nationality" ["国籍", "nationality", "citizenship"];
    Place "place" ["区划", "区划代码", "行政区划", "行政区划代码", "所在地", "现住地区划", "division", "divisioncode"];
    Reference "reference" ["编号", "文号", "报告编号", "报告号", "样本编号", "样本号", "条码", "条码号", "流水号", "记录编号",
        "ref", "referenceno", "reportno", "sampleid", "barcode"];
    Status "status" ["状态", "记录状态", "recordstatus"];
    Since "since" ["日期", "确诊日期", "判定日期", "接触日期", "末次接触日期", "最后接触日期", "开始日期", "列入日期", "诊断日期",
        "date", "contactdate", "lastcontact", "diagnosedon", "from"];
    ArrivedOn "arrived_on" ["到达日期", "抵达日期", "入境日期", "来返日期", "返回日期", "arrival", "arrivaldate", "arrivedon", "date"];
    Origin "origin" ["来源地", "出发地", "来自", "来源地区划", "originating", "from"];
    Country "country" ["国家", "来源国", "出发国", "始发国家", "countryoforigin"];
    Transport "transport" ["航班", "航班号", "车次", "交通工具", "航班车次", "flight", "flightno", "train"];
    SampledAt "sampled_at" ["采样时间", "采样日期", "检测时间", "检测日期", "采集时间", "sampledat", "sampletime", "collected",
        "collectedat", "date"];
    Result "result" ["结果", "检测结果", "检验结果", "核酸结果", "核酸检测结果", "testresult"];
    Method "method" ["方法", "检测方法", "检测类型", "检测项目", "项目", "testtype", "assay"];
    Laboratory "laboratory" ["机构", "检测机构", "实验室", "检验机构", "lab", "laboratoryname"];
    VaccinatedOn "vaccinated_on" ["接种日期", "接种时间", "vaccinatedon", "vaccinationdate", "doseddate", "date"];
    Dose "dose" ["剂次", "第几针", "针次", "接种剂次", "dosenumber", "doseno"];
    Vaccine "vaccine" ["疫苗", "疫苗种类", "疫苗类型", "疫苗名称", "vaccinetype", "product"];
    Batch "batch" ["批号", "疫苗批号", "lot", "lotnumber", "batchno"];
    From "from" ["开始日期", "隔离开始", "隔离开始日期", "起始日期", "start", "startdate", "begins"];
    Until "until" ["结束日期", "隔离结束", "隔离结束日期", "截止日期", "解除日期", "end", "enddate", "ends"];
    Certificate "certificate" ["证明", "电子证明", "证明内容", "二维码", "二维码内容", "hc1", "qr", "qrcode", "healthcertificate"];
    ShownAt "shown_at" ["出示时间", "核验时间", "查验时间", "shownat", "scannedat", "presentedat"];
    Stay "stay" ["隔离方式", "隔离类型", "管控方式", "隔离地点类型", "setting", "quarantinetype"];
}

impl Column {
    /// The column of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Column> {
        Column::ALL.iter().copied().find(|c| c.name() == name)
    }
}

/// Where a column's values come from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// The cell at this place of each line, from 0.
    At(u16),
    /// The same text for every line.
    Always(String),
}

/// Which column stands where.
pub type Mapping = BTreeMap<Column, Cell>;

/// A header without its decoration: `*证件号码（必填）` is `证件号码`.
fn plain(header: &str) -> String {
    let mut depth = 0_u8;
    let mut out = String::new();
    for c in clean(header).chars().take(200) {
        match c {
            '(' | '（' | '[' | '【' => depth = depth.saturating_add(1),
            ')' | '）' | ']' | '】' => depth = depth.saturating_sub(1),
            c if depth > 0 || !c.is_alphanumeric() => {}
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// What headers probably mean, each column once, the surest first.
#[must_use]
pub fn guess<S: AsRef<str>>(kind: ListKind, headers: &[S]) -> Mapping {
    let headers: Vec<String> = headers.iter().map(|h| plain(h.as_ref())).collect();
    let mut found = Mapping::new();
    let mut taken = vec![false; headers.len()];
    let same = |header: &str, alias: &str| header == alias.replace('_', "");
    // A header that holds the word and more, such as `患者身份证号码`: only where nothing fits better.
    let holds =
        |header: &str, alias: &str| alias.chars().count() >= 2 && !alias.is_ascii() && header.contains(alias);
    for fits in [same as fn(&str, &str) -> bool, holds] {
        for column in kind.columns().filter(|c| c.aliases().len() > 1) {
            if found.contains_key(&column) {
                continue;
            }
            let hit = column
                .aliases()
                .iter()
                .find_map(|alias| (0..headers.len()).find(|i| !taken[*i] && fits(&headers[*i], alias)));
            if let Some(i) = hit
                && let Ok(at) = u16::try_from(i)
            {
                taken[i] = true;
                found.insert(column, Cell::At(at));
            }
        }
    }
    found
}

/// Rows above the one with the headers, such as a title.
const TITLES_MAX: usize = 10;

/// Which of the first rows holds the headers: the first in which a number's column and one more are
/// found; the first of all where none does.
#[must_use]
pub fn header_row<R: AsRef<[String]>>(kind: ListKind, rows: &[R]) -> usize {
    rows.iter()
        .take(TITLES_MAX)
        .position(|row| {
            let found = guess(kind, row.as_ref());
            found.len() >= 2 && found.contains_key(&Column::DocumentNumber)
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: ListKind, headers: &[&str]) -> Vec<(&'static str, usize)> {
        let found = guess(kind, headers).into_iter();
        found.map(|(c, cell)| (c.name(), if let Cell::At(i) = cell { i.into() } else { 99 })).collect()
    }

    #[test]
    fn headers_are_known_in_both_languages_with_their_decoration() {
        assert_eq!(
            at(ListKind::Test, &["序号", "*姓名", "证件号码（必填）", "采样时间", "检测结果", "样本编号"]),
            [("name", 1), ("document_number", 2), ("reference", 5), ("sampled_at", 3), ("result", 4)]
        );
        assert_eq!(
            at(ListKind::CloseContact, &["Name", "ID Number", "Contact date", "Status"]),
            [("name", 0), ("document_number", 1), ("status", 3), ("since", 2)]
        );
        assert_eq!(
            at(ListKind::Confirmed, &["患者身份证号码", "患者姓名"]),
            [("name", 1), ("document_number", 0)]
        );
    }

    #[test]
    fn a_header_is_used_once_and_a_column_of_another_list_is_none() {
        assert_eq!(at(ListKind::Quarantine, &["身份证号", "证件号码", "检测结果"]), [("document_number", 0)]);
    }

    #[test]
    fn a_title_above_the_headers_is_no_header() {
        let rows: Vec<Vec<String>> = [&["密接名单", ""][..], &["", ""], &["姓名", "身份证号"], &["张", "33"]]
            .map(|r| r.iter().map(ToString::to_string).collect())
            .to_vec();
        assert_eq!(header_row(ListKind::CloseContact, &rows), 2);
        assert_eq!(header_row(ListKind::CloseContact, &rows[3..]), 0);
    }
}
