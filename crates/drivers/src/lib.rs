//! stub
#![allow(missing_docs, reason = "not yet written")]
