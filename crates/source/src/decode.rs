//! From bytes to text with one kind of line end.

use crate::TableError;

/// First bytes of files that are no text, with what they are and the way out.
const NO_TEXTS: [(&[u8], &str, &str); 6] = [
    (b"PK\x03\x04", "a spreadsheet or another zipped file (.xlsx, .ods)", "save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)", "save the sheet as CSV (UTF-8)"),
    (b"%PDF", "a PDF", "export its table as CSV"),
    (b"\x1f\x8b", "a compressed file", "unpack it first"),
    (b"PAR1", "a Parquet file", "write it as CSV"),
    (b"{\\rtf", "a text document (.rtf)", "save its table as CSV"),
];

/// What Windows-1252 writes from 0x80 to 0x9f; 0 where it has nothing.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
    0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
    0x0153, 0, 0x017e, 0x0178,
];

/// A file's text, each line ended by `\n`, and what is worth a note about its encoding.
pub(crate) fn decode(bytes: &[u8]) -> Result<(String, Option<String>), TableError> {
    if let Some((_, what, way)) = NO_TEXTS.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Err(TableError::NoText { what: (*what).into(), way: (*way).into() });
    }
    let (text, note) = match bytes {
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes)?, None),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes)?, None),
        _ if is_wide(bytes, 1) => (utf16(bytes, u16::from_le_bytes)?, None),
        _ if is_wide(bytes, 0) => (utf16(bytes, u16::from_be_bytes)?, None),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => (text.to_owned(), None),
                Err(_) => {
                    let note = "it is no UTF-8: its letters are read as Windows-1252".to_owned();
                    (windows_1252(bytes)?, Some(note))
                }
            }
        }
    };
    if text.contains('\0') {
        return Err(no_text());
    }
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
    Ok((text, note))
}

fn no_text() -> TableError {
    TableError::NoText { what: "no text".into(), way: "save the table as CSV (UTF-8)".into() }
}

/// Whether every second byte, from `from`, is 0, as in UTF-16 of plain letters.
fn is_wide(bytes: &[u8], from: usize) -> bool {
    let start = &bytes[..bytes.len().min(64)];
    start.len() >= 4 && start.iter().skip(from).step_by(2).all(|b| *b == 0)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TableError> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map_err(|_| no_text())
}

fn windows_1252(bytes: &[u8]) -> Result<String, TableError> {
    let letter = |b: &u8| match b {
        0x80..=0x9f => char::from_u32(u32::from(WINDOWS_1252[usize::from(b - 0x80)])).filter(|c| *c != '\0'),
        other => Some(char::from(*other)),
    };
    bytes.iter().map(letter).collect::<Option<String>>().ok_or_else(no_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_spreadsheets_reads_the_same() {
        let text = "größe,°C\r\n1,2\r\n";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe", wide.as_slice()].concat(),
            [b"\xfe\xff", big.as_slice()].concat(),
            latin,
        ] {
            assert_eq!(decode(&bytes).unwrap().0, "größe,°C\n1,2\n");
        }
        assert_eq!(decode(b"a\0,\0b\0\n\0").unwrap().0, "a,b\n");
        assert_eq!(decode(b"a\rb").unwrap().0, "a\nb");
    }

    #[test]
    fn what_is_no_text_is_named_with_the_way_out() {
        let said = decode(b"PK\x03\x04rest").unwrap_err().to_string();
        assert!(said.contains(".xlsx") && said.contains("save the sheet as CSV"), "{said}");
        assert!(decode(b"a,b\n\x00\x01\x02,3\n").is_err());
    }
}
