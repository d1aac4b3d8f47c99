use super::export::cell;

#[test]
fn no_cell_of_a_file_begins_a_formula() {
    for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
        let written = cell(text);
        assert!(written.starts_with('\'') || written.starts_with("\"'"), "{written}");
    }
    assert_eq!(cell("西湖区"), "西湖区");
    assert_eq!(cell("a,b"), "\"a,b\"");
    assert_eq!(cell("a\"b"), "\"a\"\"b\"");
}
