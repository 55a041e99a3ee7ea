//! How much one command may say: events are kept for ever, and read back whole.

use forethought_space::Value;

use super::command::{Answer, Command, Refusal};

/// Longest text of a command but a campaign file, in bytes: a long remark.
pub(super) const TEXT_MOST: usize = 10_000;
/// Longest campaign file, in bytes.
const FILE_MOST: usize = 1 << 20;
/// Most bytes of all files that a campaign file names.
const ATTACHED_MOST: usize = 32 << 20;
/// Most answers of one `tell`: a sheet.
const ANSWERS_MOST: usize = 10_000;
/// Most remarks beside one measurement.
pub(super) const CONTEXT_MOST: usize = 100;

/// Longest key of a command, in bytes.
const KEY_MOST: usize = 200;

/// Refuses a key that is none or too long.
pub(super) fn check_key(key: &str) -> Result<(), Refusal> {
    if key.is_empty() || key.len() > KEY_MOST {
        return Err(Refusal::new(
            "key",
            format!("a key has 1 to {KEY_MOST} bytes, but this has {}", key.len()),
        ));
    }
    Ok(())
}

/// Refuses a command that says more than a record should hold.
pub(super) fn check(command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Amend { reason, .. }
        | Command::Retract { reason, .. }
        | Command::Withdraw { reason, .. }
        | Command::Reject { reason, .. }
        | Command::Pause { reason }
        | Command::Stop { reason } => text("reason", reason),
        Command::Tell { answers } => {
            most("answers", answers.len(), ANSWERS_MOST)?;
            answers.iter().try_for_each(answer)
        }
        Command::Import { rows, .. } => rows.iter().try_for_each(|(source, row)| {
            text("source", source)?;
            answer(row).map_err(|e| Refusal { message: format!("{source}: {}", e.message), ..e })
        }),
        Command::Revise { text: file, attachments, reason } => {
            most("bytes of a campaign file", file.len(), FILE_MOST)?;
            most("bytes of attached files", attachments.values().map(Vec::len).sum(), ATTACHED_MOST)?;
            text("reason", reason)
        }
        Command::Ask { .. }
        | Command::Approve { .. }
        | Command::Resume
        | Command::Release
        | Command::Resolve { .. } => Ok(()),
    }
}

fn answer(answer: &Answer) -> Result<(), Refusal> {
    most("remarks beside a measurement", answer.context.len(), CONTEXT_MOST)?;
    for (name, value) in &answer.context {
        text("name of a remark", name)?;
        match value {
            Value::Text(said) => text(name, said)?,
            // No event can hold it.
            Value::Number(x) if !x.is_finite() => {
                let message = format!("`{name}` is {x}, but must be a finite number");
                return Err(Refusal::new("context", message).hint("leave it out where it is not known"));
            }
            Value::Number(_) => {}
        }
    }
    answer.failed.iter().try_for_each(|(_, why)| text("failure", why))
}

fn text(what: &str, said: &str) -> Result<(), Refusal> {
    if said.len() <= TEXT_MOST {
        return Ok(());
    }
    let message = format!("the {what} has {} bytes, but at most {TEXT_MOST} are recorded", said.len());
    Err(Refusal::new("too-large", message)
        .hint("say it shorter, and keep the rest in a file beside the record"))
}

fn most(what: &str, found: usize, most: usize) -> Result<(), Refusal> {
    if found <= most {
        return Ok(());
    }
    Err(Refusal::new(
        "too-large",
        format!("there are {found} {what}, but at most {most} are taken at a time"),
    )
    .hint("say it in parts"))
}
