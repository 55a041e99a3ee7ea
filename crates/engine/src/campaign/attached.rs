//! Files that come with a command, in the text of a request: two digits a byte. As a list of numbers each byte would take the room
//! of a whole value while the request is read.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Hexadecimal texts by name.
pub(super) fn serialize<S: Serializer>(files: &BTreeMap<String, Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    let text = |bytes: &Vec<u8>| {
        let mut out = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // A text takes whatever is written to it.
            let _ = write!(out, "{byte:02x}");
        }
        out
    };
    to.collect_map(files.iter().map(|(name, bytes)| (name, text(bytes))))
}

/// Bytes by name.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Vec<u8>>, D::Error> {
    let files = BTreeMap::<String, String>::deserialize(from)?;
    let bytes = |text: &str| -> Option<Vec<u8>> {
        let digits = text.chars().map(|c| c.to_digit(16)).collect::<Option<Vec<u32>>>()?;
        let pairs = digits.chunks_exact(2);
        pairs.remainder().is_empty().then(|| pairs.map(|pair| (16 * pair[0] + pair[1]) as u8).collect())
    };
    let file = |(name, text): (String, String)| match bytes(&text) {
        Some(bytes) => Ok((name, bytes)),
        None => Err(D::Error::custom(format!("the attached file `{name}` is no text of two digits a byte"))),
    };
    files.into_iter().map(file).collect()
}
