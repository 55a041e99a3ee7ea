//! Names that last.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Position of an event in its campaign, from 1.
pub type Seq = u64;

/// A campaign, for ever (UUIDv7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CampaignId(pub Uuid);

impl fmt::Display for CampaignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CampaignId {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Uuid::parse_str(text).map(CampaignId).map_err(|_| KeyError(text.to_owned()))
    }
}

/// One order, as a machine sees it and can be asked about it: `<campaign>/<trial>/<stage>/<attempt>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunKey {
    /// The campaign.
    pub campaign: CampaignId,
    /// Counter within it, from 1.
    pub trial: u64,
    /// Name of the stage.
    pub stage: String,
    /// 1, or more where a person allowed it to be sent again.
    pub attempt: u32,
}

impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.campaign, self.trial, self.stage, self.attempt)
    }
}

/// A text that is no run key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no run key: it must read <campaign>/<trial>/<stage>/<attempt>")]
pub struct KeyError(pub String);

impl FromStr for RunKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bad = || KeyError(text.to_owned());
        let mut parts = text.split('/');
        let mut next = || parts.next().filter(|p| !p.is_empty()).ok_or_else(bad);
        let key = RunKey {
            campaign: next()?.parse()?,
            trial: next()?.parse().map_err(|_| bad())?,
            stage: next()?.to_owned(),
            attempt: next()?.parse().map_err(|_| bad())?,
        };
        if parts.next().is_none() { Ok(key) } else { Err(bad()) }
    }
}

impl TryFrom<String> for RunKey {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<RunKey> for String {
    fn from(key: RunKey) -> String {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_text() {
        let key =
            RunKey { campaign: CampaignId(Uuid::from_u128(7)), trial: 12, stage: "print".into(), attempt: 1 };
        assert_eq!(key.to_string().parse::<RunKey>().unwrap(), key);
        assert!("a/b".parse::<RunKey>().is_err());
    }
}
