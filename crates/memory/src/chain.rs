//! Events chained by hash: damage in the middle is found, wherever it is.

use forethought_record::{CampaignId, Seq};

/// One event as bytes, sealed into its campaign's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// From 1.
    pub seq: Seq,
    /// JSON, for ever as it was written.
    pub bytes: Vec<u8>,
    /// blake3(previous hash ‖ campaign ‖ seq ‖ bytes).
    pub hash: [u8; 32],
}

impl Sealed {
    /// Its hash as people and heads write it.
    pub fn hex(&self) -> String {
        hex(&self.hash)
    }
}

/// Two hexadecimal digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The end of a campaign's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// Whose chain it is.
    pub campaign: CampaignId,
    /// The last event's position; 0 before the first.
    pub seq: Seq,
    /// The last event's hash; zeros before the first.
    pub hash: [u8; 32],
}

impl Chain {
    /// Before the first event.
    pub fn new(campaign: CampaignId) -> Self {
        Chain { campaign, seq: 0, hash: [0; 32] }
    }

    /// Seals the next event and moves on.
    pub fn seal(&mut self, bytes: Vec<u8>) -> Sealed {
        self.seq += 1;
        self.hash = self.digest(self.seq, &bytes);
        Sealed { seq: self.seq, bytes, hash: self.hash }
    }

    /// Moves on over an event that was read; `false` where it does not belong here.
    #[must_use]
    pub fn accept(&mut self, sealed: &Sealed) -> bool {
        if sealed.seq != self.seq + 1 || sealed.hash != self.digest(sealed.seq, &sealed.bytes) {
            return false;
        }
        self.seq = sealed.seq;
        self.hash = sealed.hash;
        true
    }

    fn digest(&self, seq: Seq, bytes: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hash);
        hasher.update(self.campaign.0.as_bytes());
        hasher.update(&seq.to_le_bytes());
        hasher.update(bytes);
        *hasher.finalize().as_bytes()
    }
}
