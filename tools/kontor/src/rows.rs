//! The rows of a CSV file, each with its line: strict about quotation marks, which the reader below is not (RFC 4180, section 2).

use csv::{ByteRecord, ReaderBuilder, StringRecord, Trim};

/// A row below the header: where it is in the file, and its cells without blanks around them, or why it has none.
pub(crate) struct Row {
    /// Counted from 1, whatever ends the file's lines.
    pub(crate) line: usize,
    pub(crate) cells: Result<StringRecord, String>,
}

/// The header and the rows of a file. Rows without anything in any cell are left out.
pub(crate) fn rows(file: &[u8]) -> Result<(StringRecord, Vec<Row>), csv::Error> {
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .flexible(true)
        .from_reader(file);
    let header = reader.headers()?.clone();
    let mut rows = Vec::new();
    let mut record = ByteRecord::new();
    let mut from = end_of(&reader, file);
    while reader.read_byte_record(&mut record)? {
        let to = end_of(&reader, file);
        if record.iter().any(|cell| !cell.is_empty()) {
            rows.push(Row {
                line: line_at(file, from),
                cells: checked(&record, &file[from..to], header.len()),
            });
        }
        from = to;
    }
    Ok((header, rows))
}

/// How much of the file has been read.
fn end_of(reader: &csv::Reader<&[u8]>, file: &[u8]) -> usize {
    usize::try_from(reader.position().byte()).map_or(file.len(), |at| at.min(file.len()))
}

fn checked(record: &ByteRecord, raw: &[u8], columns: usize) -> Result<StringRecord, String> {
    if !is_well_quoted(raw) {
        return Err(
            "a quotation mark in a quoted cell is written twice, and nothing follows the closing one".into(),
        );
    }
    let cells =
        StringRecord::from_byte_record(record.clone()).map_err(|_| "the text is not UTF-8".to_owned())?;
    if cells.len() == columns {
        Ok(cells)
    } else {
        Err(format!("there are {} cells instead of {columns}", cells.len()))
    }
}

/// The line of the first text at or after a byte. Lines end in LF, CR LF or CR; the reader counts only some of them.
fn line_at(file: &[u8], byte: usize) -> usize {
    let (before, after) = file.split_at(byte);
    let ends = after
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let before = &file[..before.len() + ends];
    let end =
        |(at, byte): (usize, &u8)| *byte == b'\n' || (*byte == b'\r' && before.get(at + 1) != Some(&b'\n'));
    1 + before.iter().enumerate().filter(|place| end(*place)).count()
}

/// Whether quoted cells are quoted from end to end. A mark inside an unquoted cell, as in `5" plate`, is only a character.
fn is_well_quoted(raw: &[u8]) -> bool {
    enum In {
        Start,
        Blanks,
        Bare,
        Quoted,
        Closed,
        ClosedBlanks,
    }
    let mut place = In::Start;
    for byte in raw {
        place = match (place, byte) {
            (In::Quoted, b'"') => In::Closed,
            (In::Start | In::Closed, b'"') | (In::Quoted, _) => In::Quoted,
            (_, b',' | b'\r' | b'\n') => In::Start,
            (In::Start | In::Blanks, b' ' | b'\t') => In::Blanks,
            (In::Closed | In::ClosedBlanks, b' ' | b'\t') => In::ClosedBlanks,
            (In::Blanks, b'"') | (In::Closed | In::ClosedBlanks, _) => return false,
            (In::Start | In::Blanks | In::Bare, _) => In::Bare,
        };
    }
    !matches!(place, In::Quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(csv: &str) -> Vec<(usize, Result<usize, String>)> {
        let (_, rows) = rows(csv.as_bytes()).expect("a file");
        let cells = |row: Row| (row.line, row.cells.map(|cells| cells.len()));
        rows.into_iter().map(cells).collect()
    }

    #[test]
    fn a_row_has_the_line_of_the_file_whatever_ends_it() {
        for end in ["\n", "\r\n", "\r"] {
            let file = ["a,b", "1,2", "", "3,\"4", "5\"", "6,7"].join(end);
            assert_eq!(lines(&file), [(2, Ok(2)), (4, Ok(2)), (6, Ok(2))], "{end:?}");
        }
        assert_eq!(lines("\r\na,b\r\n\r\n1,2\r\n\r\n3,4"), [(4, Ok(2)), (6, Ok(2))]);
    }

    #[test]
    fn rows_of_empty_cells_are_left_out() {
        assert_eq!(lines("a,b\n,\n , \n,,,,\n\"\",\n1,\n"), [(6, Ok(2))]);
    }

    #[test]
    fn quotation_marks_are_read_strictly() {
        for good in [
            r#"1,"2""#,
            r#""1","a ""b"" c""#,
            r#"1,5" plate"#,
            r#"1,"a,b" "#,
            "1,\"a\nb\"",
            r#"1,"" "#,
        ] {
            assert_eq!(lines(&format!("a,b\n{good}\n")), [(2, Ok(2))], "{good}");
        }
        for bad in [
            r#"1,"Vintage" Lampe 5""#,
            r#"1,"a"b"#,
            r#"1, "a""#,
            r#"1,"open"#,
            r#"1,"a" "b""#,
        ] {
            let read = lines(&format!("a,b\n{bad}\n"));
            assert!(
                read.len() == 1 && read[0].0 == 2 && read[0].1.is_err(),
                "{bad}: {read:?}"
            );
        }
    }

    #[test]
    fn what_is_no_row_says_why() {
        assert_eq!(
            lines("a,b\n1\n"),
            [(2, Err("there are 1 cells instead of 2".to_owned()))]
        );
        let (_, latin) = rows(b"a,b\n1,M\xfcsli\n2,x\n").expect("a file");
        assert_eq!(latin[0].cells, Err("the text is not UTF-8".to_owned()));
        assert!(latin[1].cells.is_ok());
    }
}
