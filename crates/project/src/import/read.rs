//! The bytes of a table, before anything is made of them.

use std::path::Path;

use forethought_source::TABLE_BYTES_MOST;

use crate::failure::{Failure, file_error};

/// The bytes of a table's file, unless they are more than a table has.
///
/// # Errors
/// Where it cannot be read, or is too large.
pub fn read_table(path: &Path) -> Result<Vec<u8>, Failure> {
    let size = std::fs::metadata(path).map_err(|e| file_error(path, &e))?.len();
    if size > TABLE_BYTES_MOST as u64 {
        let message =
            format!("{} has {size} bytes, but a table has at most {TABLE_BYTES_MOST}", path.display());
        return Err(Failure::yours("table", message).hint("split it, or leave out columns and rows"));
    }
    std::fs::read(path).map_err(|e| file_error(path, &e))
}
