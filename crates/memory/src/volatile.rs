//! A journal in memory that can be crashed: what a simulated disk keeps, tears and loses.

use std::collections::BTreeMap;

use forethought_record::{CampaignId, Seq};

use crate::chain::{Chain, Sealed};
use crate::journal::{AppendError, Batch, ELSEWHERE, Journal, ReadError, Stored, hash_hex};

/// What an append of a [`VolatileJournal`] meets next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Damage {
    /// Nothing: it is recorded.
    #[default]
    None,
    /// It is lost without an answer: the power went before the commit.
    Lost,
    /// Its first `n` events reached the medium when the power went, but no commit did: on reading,
    /// they are not there.
    Torn(usize),
    /// The disk is full.
    Full,
    /// It is recorded, but the answer is lost.
    Unanswered,
}

/// Keeps events as long as it lives.
#[derive(Debug, Clone, Default)]
pub struct VolatileJournal {
    campaigns: BTreeMap<CampaignId, (String, u64, Vec<Sealed>)>,
    blobs: BTreeMap<String, Vec<u8>>,
    next: Damage,
}

impl VolatileJournal {
    /// What the next append meets.
    pub fn meet(&mut self, damage: Damage) {
        self.next = damage;
    }
}

impl Journal for VolatileJournal {
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        match std::mem::take(&mut self.next) {
            Damage::None => {}
            Damage::Unanswered => {
                self.append(batches)?;
                return Err(AppendError::Unsure("the answer was lost".into()));
            }
            Damage::Full => return Err(AppendError::Full),
            Damage::Lost | Damage::Torn(_) => return Err(AppendError::Broken("the power went".into())),
        }
        for batch in batches {
            let Some((_, fence, events)) = self.campaigns.get(&batch.campaign) else {
                return Err(AppendError::Broken("the campaign was not taken before".into()));
            };
            if *fence != batch.fence {
                return Err(AppendError::Fenced { found: *fence, ours: batch.fence });
            }
            let found = events.len() as u64;
            if found != batch.after {
                return Err(AppendError::Behind { found, expected: batch.after });
            }
        }
        for batch in batches {
            if let Some((name, _, events)) = self.campaigns.get_mut(&batch.campaign) {
                events.extend(batch.events.iter().cloned());
                name.clone_from(&batch.name);
            }
            self.blobs.extend(batch.blobs.iter().cloned());
        }
        Ok(())
    }

    fn read_after(&self, place: Chain, each: &mut dyn FnMut(Sealed)) -> Result<(), ReadError> {
        let events = self.campaigns.get(&place.campaign).map_or(&[][..], |c| &c.2);
        let damaged = |seq, what: &str| ReadError::Damaged {
            place: "memory".into(),
            campaign: place.campaign,
            seq,
            what: what.into(),
        };
        let known = match place.seq.checked_sub(1) {
            None => true,
            Some(last) => events.get(last as usize).is_some_and(|e| e.hash == place.hash),
        };
        if !known {
            return Err(damaged(place.seq, ELSEWHERE));
        }
        let mut chain = place;
        for event in &events[place.seq as usize..] {
            if !chain.accept(event) {
                return Err(damaged(event.seq, "its hash does not fit its content"));
            }
            each(event.clone());
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<Option<Stored>, ReadError> {
        Ok(self.campaigns()?.into_iter().rfind(|c| c.name == name))
    }

    fn last(&self, campaign: CampaignId) -> Result<Seq, ReadError> {
        Ok(self.campaigns.get(&campaign).map_or(0, |c| c.2.len() as Seq))
    }

    fn campaigns(&self) -> Result<Vec<Stored>, ReadError> {
        Ok(self
            .campaigns
            .iter()
            .filter(|(_, c)| !c.2.is_empty())
            .map(|(id, (name, _, events))| Stored {
                id: *id,
                name: name.clone(),
                events: events.len() as u64,
            })
            .collect())
    }

    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.blobs.get(hash).filter(|b| hash_hex(b) == hash).cloned())
    }

    fn take(&mut self, campaign: CampaignId) -> Result<u64, AppendError> {
        let entry = self.campaigns.entry(campaign).or_default();
        entry.1 += 1;
        Ok(entry.1)
    }
}
