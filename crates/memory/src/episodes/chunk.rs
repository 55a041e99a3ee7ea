//! Samples of one stream as bytes, chained by hash to what was written before.

use super::EpisodeId;
use super::stream::{Form, Stream};

/// Consecutive samples of one stream.
///
/// Numbers lie channel after channel, `[channels × rows]`, so that one channel is read in one piece; frames lie one after
/// another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// From 1 within its episode, over all streams.
    pub(super) seq: u64,
    pub(super) stream: usize,
    /// From 1 within its stream: a window without a gap in these is whole.
    pub(super) ordinal: u64,
    /// When the first sample was taken, or its interval began.
    pub(super) first_ns: i64,
    /// When the last sample was taken, or its interval ended.
    pub(super) last_ns: i64,
    /// Absent where the samples have times of their own.
    pub(super) period_ns: Option<i64>,
    pub(super) rows: usize,
    /// `[rows]` little-endian i64, of intervals `[2 × rows]`: all beginnings, then all ends. Absent on an even grid.
    pub(super) times: Option<Vec<u8>>,
    /// Little-endian f64, or the bytes of frames.
    pub(super) data: Vec<u8>,
    /// A bit a number, in the order of `data`, lowest bit first; absent where all are valid.
    pub(super) valid: Option<Vec<u8>>,
}

impl Chunk {
    /// blake3(previous hash ‖ episode ‖ everything in this chunk, each part after its length).
    pub(super) fn digest(&self, episode: EpisodeId, previous: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(previous);
        for number in [episode.0, self.seq, self.stream as u64, self.ordinal, self.rows as u64] {
            hasher.update(&number.to_le_bytes());
        }
        for time in [self.first_ns, self.last_ns, self.period_ns.unwrap_or(-1)] {
            hasher.update(&time.to_le_bytes());
        }
        for part in [self.times.as_deref(), Some(&self.data), self.valid.as_deref()] {
            // An absent part differs from an empty one.
            hasher.update(&part.map_or(u64::MAX, |p| p.len() as u64).to_le_bytes());
            hasher.update(part.unwrap_or_default());
        }
        *hasher.finalize().as_bytes()
    }

    /// The lengths of all parts are those that `stream` and the number of rows demand.
    pub(super) fn fits(&self, stream: &Stream) -> bool {
        let width = stream.channels.len();
        let (each, stamps) = match stream.form {
            Form::Instant => (8 * width, 1),
            Form::Interval => (8 * width, 2),
            Form::Frame(bytes) => (bytes, 1),
        };
        let mask = self.valid.as_ref().is_none_or(|v| v.len() == (self.rows * width).div_ceil(8));
        let times = match (&self.times, self.period_ns) {
            (Some(times), None) => times.len() == self.rows * stamps * 8,
            (None, Some(period)) => period > 0,
            _ => false,
        };
        self.rows > 0 && self.data.len() == self.rows * each && mask && times
    }

    /// The interval of a row; an instant begins and ends at once.
    pub(super) fn span(&self, row: usize, form: Form) -> (i64, i64) {
        let is_interval = form == Form::Interval;
        match (&self.times, self.period_ns) {
            (Some(times), _) => {
                let at = |i: usize| read_i64(&times[i * 8..]);
                (at(row), if is_interval { at(self.rows + row) } else { at(row) })
            }
            (None, period) => {
                let period = period.unwrap_or_default();
                let from = self.first_ns + period * row as i64;
                (from, if is_interval { from + period } else { from })
            }
        }
    }

    /// The number of a row of a column, as it was given.
    pub(super) fn value(&self, column: usize, row: usize) -> f64 {
        let at = (column * self.rows + row) * 8;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.data[at..at + 8]);
        f64::from_le_bytes(bytes)
    }

    /// The number of a row of a column is valid.
    pub(super) fn is_valid(&self, column: usize, row: usize) -> bool {
        let bit = column * self.rows + row;
        self.valid.as_ref().is_none_or(|v| v[bit / 8] >> (bit % 8) & 1 == 1)
    }
}

fn read_i64(bytes: &[u8]) -> i64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    i64::from_le_bytes(word)
}

/// Bits, lowest first; nothing where all are set.
pub(super) fn mask(bits: impl ExactSizeIterator<Item = bool>) -> Option<Vec<u8>> {
    let mut out = vec![0_u8; bits.len().div_ceil(8)];
    let mut is_full = true;
    for (i, bit) in bits.enumerate() {
        out[i / 8] |= u8::from(bit) << (i % 8);
        is_full &= bit;
    }
    (!is_full).then_some(out)
}
