//! Lengths of time as people write them: `"2h"`, `"40min"`, `"1h 30m"`; above nothing, or from the beginning of something.

use std::fmt;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time in seconds, above zero; written `"90s"`, `"40min"`, `"2h"`, `"1d"`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = SECONDS_FORMAT))]
pub struct Seconds(pub f64);

/// The format that tells a length of time from other texts in a schema.
pub(crate) const SECONDS_FORMAT: &str = "length-of-time";

impl TryFrom<String> for Seconds {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        // jiff's friendly format knows hours and below: days are of 24 hours to a machine.
        let seconds = match text.trim().strip_suffix('d').and_then(|n| n.trim().parse::<f64>().ok()) {
            Some(days) => days * 86_400.0,
            None => text
                .parse::<SignedDuration>()
                .map_err(|_| {
                    format!(
                        "`{text}` is no length of time; write it like \"90s\", \"40min\", \"2h\" or \"1d\""
                    )
                })?
                .as_secs_f64(),
        };
        if seconds.is_finite() && seconds > 0.0 {
            Ok(Seconds(seconds))
        } else {
            Err(format!("`{text}` must be longer than nothing"))
        }
    }
}

impl From<Seconds> for String {
    fn from(s: Seconds) -> String {
        s.to_string()
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from_secs_f64(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{}s", self.0),
        }
    }
}

/// A time from the beginning of an episode, as `"0s"`, `"90min"`, `"1h 30m"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = CLOCK_FORMAT))]
pub struct ClockTime(pub f64);

/// The format that tells a time in an episode from other texts in a schema.
pub(crate) const CLOCK_FORMAT: &str = "time-in-episode";

impl TryFrom<String> for ClockTime {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim().trim_end_matches(char::is_alphabetic).trim();
        if digits.parse::<f64>().is_ok_and(|v| v == 0.0) {
            return Ok(ClockTime(0.0));
        }
        Seconds::try_from(text).map(|s| ClockTime(s.0))
    }
}

impl From<ClockTime> for String {
    fn from(t: ClockTime) -> String {
        if t.0 == 0.0 { "0s".into() } else { Seconds(t.0).to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_parse_and_print() {
        for (text, seconds) in
            [("90s", 90.0), ("40min", 2400.0), ("2h", 7200.0), ("1h 30m", 5400.0), ("1d", 86400.0)]
        {
            let parsed = Seconds::try_from(text.to_owned()).unwrap();
            assert_eq!(parsed.0, seconds, "{text}");
            assert_eq!(Seconds::try_from(String::from(parsed)).unwrap(), parsed);
        }
        assert!(Seconds::try_from("soon".to_owned()).unwrap_err().contains("40min"));
        assert!(Seconds::try_from("0s".to_owned()).is_err());
    }
}
