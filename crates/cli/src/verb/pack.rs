//! Verbs that packs bring: the program reads their files, says what they say, and writes what they made.

use std::path::Path;
use std::sync::atomic::Ordering;

use clap::ArgMatches;
use forethought_pack::{Answer, Call, PackError, Verb};
use forethought_project::Failure;
use serde_json::json;

use crate::exit::Exit;
use crate::file::write_file;
use crate::progress::interrupt;
use crate::voice::{say, talk};

/// Carries out a pack's verb as it was called.
pub(crate) fn pack(verb: Verb, arguments: &ArgMatches) -> Result<Exit, Failure> {
    let flag = |name: &str| arguments.get_flag(name);
    let is_quiet = flag("quiet");
    let asked_to_end = interrupt();
    let call = Call {
        read: &read,
        talk: &|line| {
            if !is_quiet {
                talk(line);
            }
        },
        ended: &|| asked_to_end.load(Ordering::SeqCst),
    };
    let Answer { text, json: mut document, files } = (verb.run)(arguments, &call).map_err(failure)?;
    for (path, bytes) in &files {
        write_file(path, bytes)?;
    }
    if flag("json") {
        let written: Vec<_> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        if let Some(entries) = document.as_object_mut() {
            entries.insert("forethought".into(), json!(1));
            entries.insert("files".into(), json!(written));
        }
        say(document);
    } else {
        say(text);
        for (path, _) in &files {
            talk(format!("written: {}", path.display()));
        }
    }
    Ok(if (call.ended)() { Exit::Interrupted } else { Exit::Done })
}

fn read(path: &Path) -> Result<Vec<u8>, PackError> {
    std::fs::read(path).map_err(|e| PackError::wrong("file", format!("{}: {e}", path.display()), ""))
}

fn failure(error: PackError) -> Failure {
    match error {
        PackError::Wrong { code, message, hint } => {
            let failure = Failure::yours(code, message);
            if hint.is_empty() { failure } else { failure.hint(hint) }
        }
        PackError::File { path, text, mistakes } => Failure::file(path, text, mistakes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pack_says_is_wrong_is_the_callers_to_mend() {
        let told = failure(PackError::wrong("shop", "there is no machine M3", "machines are M1, M2"));
        assert_eq!((told.code.as_str(), told.hint.as_deref()), ("shop", Some("machines are M1, M2")));
        assert_eq!(failure(PackError::wrong("shop", "no", "")).hint, None);
        let mistake = forethought_source::Diagnostic::new("unknown", "no such column", Some(2..4));
        let told = failure(PackError::File {
            path: "shop.toml".into(),
            text: "a = 1".into(),
            mistakes: vec![mistake],
        });
        assert_eq!(told.file.unwrap().path, "shop.toml");
    }
}
