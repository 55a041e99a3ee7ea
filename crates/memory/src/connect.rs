//! Connections to SQLite files: to write as the one writer, or to read beside it.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Opens a file for writing, making it and its `tables` where they are missing: all of them or none, so that whoever dies
/// while it makes them leaves a file that can be gone on with.
pub(crate) fn for_writing(path: &Path, tables: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA mmap_size = 0;",
    )?;
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {tables} COMMIT;"))?;
    Ok(connection)
}

/// Opens a file for reading, while another process may be writing it.
pub(crate) fn for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match has_table(&connection, "any") {
        // Who made the file died before it was whole: reading it puts it in order first, which takes the right to write.
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            drop(connection);
            let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            // The log stays as it is, whatever is wrong with it.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.execute_batch("PRAGMA query_only = ON")?;
            has_table(&connection, "any")?;
            Ok(connection)
        }
        Err(e) => Err(e),
        Ok(_) => Ok(connection),
    }
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA mmap_size = 0;")?;
    Ok(connection)
}

/// Whether a table was made: a file is empty at its birth.
pub(crate) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let count = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    connection.query_row(count, [name], |r| r.get::<_, i64>(0)).map(|n| n > 0)
}
