//! Files at a format's row limit, files that nobody starts, and the end of every list's lines.

use std::io::{Cursor, Write as _};

use kangma_core::table::ListKind;
use kangma_core::time::{DAY_S, Instant};
use zip::write::{SimpleFileOptions, ZipWriter};

use super::reader::ROWS_MAX;
use super::{By, Sending, forget, job, list, receive, store, upload};
use crate::app::{Rng, Shared};
use crate::testing::{Dir, open};

async fn service(name: &str) -> (Shared, Dir) {
    let dir = Dir::new(name);
    (open(&dir, Rng::seeded(11), Some(Instant(1_655_000_000)), |_| ()).await, dir)
}

/// A workbook with numbers in so many rows, the first of them the header, as spreadsheets pack it.
fn workbook(rows: u32) -> Vec<u8> {
    let small = super::sheet::tests::book(&["<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>"], &[]);
    let mut old = zip::ZipArchive::new(Cursor::new(small)).unwrap();
    let mut new = ZipWriter::new(Cursor::new(Vec::new()));
    for i in 0..old.len() {
        let part = old.by_index(i).unwrap();
        if part.name().is_ok_and(|name| !name.ends_with("sheet1.xml")) {
            new.raw_copy_file(part).unwrap();
        }
    }
    new.start_file("xl/worksheets/sheet1.xml", SimpleFileOptions::default().compression_level(Some(1)))
        .unwrap();
    let mut xml = String::from(
        "<?xml version=\"1.0\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>",
    );
    xml += "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>证件号码</t></is></c></row>";
    for row in 2..=rows {
        xml += &format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{row}</v></c></row>");
    }
    xml += "</sheetData></worksheet>";
    new.write_all(xml.as_bytes()).unwrap();
    new.finish().unwrap().into_inner()
}

fn column(rows: u32) -> Vec<u8> {
    format!("证件号码\r\n{}", "1\r\n".repeat(rows as usize - 1)).into_bytes()
}

/// Rows that were counted, lines that were handed on, and the number of the last; or how it was refused.
fn read(file: Vec<u8>) -> Result<(u32, i64, u32), &'static str> {
    let (send, mut blocks) = tokio::sync::mpsc::channel(2);
    let reading = std::thread::spawn(move || upload::read(&file, None, ListKind::Confirmed, &send));
    let (mut lines, mut last) = (0, 0);
    while let Some(block) = blocks.blocking_recv() {
        lines += block.len() as i64;
        last = block.last().unwrap().number;
    }
    let found = reading.join().unwrap().map_err(|problem| problem.code)?;
    assert!(found.lines == lines || found.rows > ROWS_MAX);
    Ok((found.rows, lines, last))
}

#[test]
fn a_file_with_all_the_rows_that_a_sheet_can_hold_is_read_to_its_last_line_and_one_row_more_is_counted() {
    let most = (ROWS_MAX, i64::from(ROWS_MAX) - 1, ROWS_MAX);
    assert_eq!(read(column(ROWS_MAX)), Ok(most));
    assert_eq!(read(column(ROWS_MAX + 1)).map(|(rows, ..)| rows), Ok(ROWS_MAX + 1));
    assert_eq!(read(workbook(ROWS_MAX)), Ok(most));
    // No program writes such a sheet: it has a row that no sheet can have.
    let over = read(workbook(ROWS_MAX + 1));
    assert!(over == Err("import.workbook") || over.is_ok_and(|(rows, ..)| rows == ROWS_MAX + 1), "{over:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_nobody_starts_is_forgotten_with_its_lines_after_two_weeks() {
    let (app, _dir) = service("unstarted").await;
    let by = By { name: "somebody".into(), office: [7; 16], scope: vec!["3301".into()] };
    let sending = |file: &str| Sending {
        kind: ListKind::Confirmed,
        division: "330106".into(),
        file: file.into(),
        sheet: None,
    };
    let send = async |text: &str| {
        receive(&app, &by, sending("a.csv"), axum::body::Body::from(text.to_owned())).await.unwrap().0
    };
    let (old, kept) = (send("证件号码\n1\n").await, send("证件号码\n2\n").await);
    app.clock.pass_time(10 * DAY_S);
    super::map(&app, &kept, super::Mapping::new()).await.unwrap();
    app.clock.pass_time(5 * DAY_S);
    job::sweep(&app).await.unwrap();
    let left: Vec<[u8; 16]> = list(&app, &by).await.unwrap().iter().map(|import| import.id).collect();
    assert_eq!(left, [kept.id], "the one that somebody worked on stays");
    assert!(store::block(&app.db, old.id, 0).await.unwrap().is_none(), "its lines are gone");
    forget(&app, &kept).await.unwrap();
    assert!(store::block(&app.db, kept.id, 0).await.unwrap().is_none());
    assert_eq!(forget(&app, &kept).await.unwrap_err().code, "import.state");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_a_finished_list_are_deleted_in_time_and_its_counts_stay() {
    let (app, _dir) = service("finished").await;
    let by = By { name: "somebody".into(), office: [7; 16], scope: vec!["3301".into()] };
    let sending =
        Sending { kind: ListKind::Confirmed, division: "330106".into(), file: "a.csv".into(), sheet: None };
    let text = axum::body::Body::from("证件号码,发病日期\n1,2022-06-01\n");
    let (list, _) = receive(&app, &by, sending, text).await.unwrap();
    super::start(&app, &by, &list, super::Start::default()).await.unwrap();
    while job::round(&app).await.unwrap() {}
    let find = async || super::find(&app, &by, list.id).await.unwrap();
    let done = find().await;
    assert_eq!((done.state, done.counts.wrong), (super::State::Done, 1));
    let days = i64::from(app.config.list_days) * DAY_S;
    assert_eq!(super::lines_until(&app, &done), Some(done.changed_at.plus_s(days)));
    app.clock.pass_time(days - 1);
    job::sweep(&app).await.unwrap();
    assert!(store::block(&app.db, list.id, 0).await.unwrap().is_some(), "kept to the last second");
    assert!(super::has_lines(&app, &find().await).is_ok());
    app.clock.pass_time(2);
    assert_eq!(
        super::has_lines(&app, &find().await).unwrap_err().code,
        "import.lines_gone",
        "before the job came by"
    );
    job::sweep(&app).await.unwrap();
    assert!(store::block(&app.db, list.id, 0).await.unwrap().is_none(), "its lines are gone");
    let left = find().await;
    assert_eq!((left.state, left.counts), (super::State::Done, done.counts));
    assert_eq!(super::has_lines(&app, &left).unwrap_err().code, "import.lines_gone");
    // A longer time does not bring back what was deleted.
    app.clock.pass_time(-3 * DAY_S);
    assert!(super::are_lines_gone(&app, &left));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_stopped_or_held_ends_in_time_and_can_be_sent_once_more() {
    let (app, _dir) = service("ended").await;
    let by = By { name: "somebody".into(), office: [7; 16], scope: vec!["3301".into()] };
    // Two blocks: the first is done before it rests.
    let text: String = (0..=super::block::LINES).map(|n| format!("{n},2022-06-01\n")).collect();
    let send = async |file: &str| {
        let sending =
            Sending { kind: ListKind::Confirmed, division: "330106".into(), file: file.into(), sheet: None };
        let text = axum::body::Body::from(format!("证件号码,{file}\n{text}"));
        receive(&app, &by, sending, text).await.unwrap()
    };
    let find = async |id| super::find(&app, &by, id).await.unwrap();
    let days = i64::from(app.config.list_days) * DAY_S;
    for (file, rests) in [("发病日期", super::State::Stopped), ("日期", super::State::Held)] {
        let (list, _) = send(file).await;
        super::start(&app, &by, &list, super::Start::default()).await.unwrap();
        assert!(job::round(&app).await.unwrap());
        let running = find(list.id).await;
        assert_eq!((running.state, running.done), (super::State::Running, 1));
        assert_eq!(super::lines_until(&app, &running), None, "it is on its way");
        store::move_to(&app.db, &running, rests, running.about.clone(), app.clock.now()).await.unwrap();
        let rested = find(list.id).await;
        assert_eq!(super::lines_until(&app, &rested), Some(rested.changed_at.plus_s(days)));
        let go_on = super::Start { may_release: true, ..super::Start::default() };
        let above = By { name: "above".into(), office: [8; 16], scope: vec!["33".into()] };

        app.clock.pass_time(days - 1);
        job::sweep(&app).await.unwrap();
        assert!(store::block(&app.db, list.id, 1).await.unwrap().is_some(), "kept to the last second");
        assert_eq!(find(list.id).await.state, rests);
        app.clock.pass_time(2);
        let late = super::start(&app, &above, &rested, go_on).await.unwrap_err();
        assert_eq!(late.code, "import.lines_gone", "before the job came by");
        job::sweep(&app).await.unwrap();
        for block in 0..2 {
            assert!(store::block(&app.db, list.id, block).await.unwrap().is_none(), "its lines are gone");
        }
        let ended = find(list.id).await;
        assert_eq!((ended.state, ended.counts), (super::State::Ended, rested.counts), "its counts stay");
        assert_eq!(super::has_lines(&app, &ended).unwrap_err().code, "import.lines_gone");
        // Nobody lets it go on, not from an old page either.
        assert_eq!(super::start(&app, &above, &ended, go_on).await.unwrap_err().code, "import.lines_gone");
        let old =
            store::move_to(&app.db, &rested, super::State::Running, rested.about.clone(), app.clock.now());
        assert_eq!(old.await, Err(crate::db::DbError::Conflict));
        assert!(!job::round(&app).await.unwrap());

        let (again, replayed) = send(file).await;
        assert!(again.id != list.id && !replayed, "the same file once more");
        assert_eq!((again.state, again.lines), (super::State::Ready, super::block::LINES as i64 + 1));
        let (same, replayed) = send(file).await;
        assert!(same.id == again.id && replayed, "and only once");
        super::start(&app, &by, &again, super::Start::default()).await.unwrap();
        while job::round(&app).await.unwrap() {}
        assert_eq!(find(again.id).await.state, super::State::Done);
    }
}
