//! Windows of one channel, read without the rest.

use rusqlite::params;

use super::card::nanoseconds;
use super::chunk::Chunk;
use super::stream::{Form, Stream, place, streams};
use super::verify::{COLUMNS, HASH, parse};
use super::{EpisodeCard, EpisodeError, EpisodeId, EpisodeStore};

/// Samples of one channel, in order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    /// When each was taken, or began to be held; nanoseconds after the start of the episode.
    pub from_ns: Vec<i64>,
    /// When each ceased to be held; the same as `from_ns` for what was read at an instant.
    pub to_ns: Vec<i64>,
    /// As they were appended, to the bit.
    pub values: Vec<f64>,
    /// Which of them are valid.
    pub valid: Vec<bool>,
}

impl Window {
    /// The values, NaN where not valid.
    pub fn numbers(&self) -> Vec<f64> {
        self.values.iter().zip(&self.valid).map(|(&v, &ok)| if ok { v } else { f64::NAN }).collect()
    }

    /// Samples.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Without samples.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Frames of one camera, in order of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frames {
    /// When each was taken, nanoseconds after the start of the episode.
    pub times_ns: Vec<i64>,
    /// `[frames × height × width × planes]`.
    pub bytes: Vec<u8>,
}

impl EpisodeStore {
    /// What one channel shows in `[from_s, to_s)`, seconds after the start of the episode; of an action, every interval that
    /// overlaps with it. Infinities mean the ends of the episode. Only the chunks in question are read, and each is checked
    /// against its hash. Durable samples only.
    ///
    /// # Errors
    /// [`EpisodeError::Unknown`], [`EpisodeError::NoChannel`], [`EpisodeError::WrongKind`] for a camera,
    /// [`EpisodeError::Damaged`], [`EpisodeError::Unreadable`].
    pub fn window(
        &self,
        id: EpisodeId,
        channel: &str,
        from_s: f64,
        to_s: f64,
    ) -> Result<Window, EpisodeError> {
        let card = self.card(id)?;
        let span = Span::Between(nanoseconds(from_s), nanoseconds(to_s));
        self.window_of(id, &card, &streams(&card), card.find(channel)?, span)
    }

    pub(super) fn window_of(
        &self,
        id: EpisodeId,
        card: &EpisodeCard,
        streams: &[Stream],
        channel: usize,
        span: Span,
    ) -> Result<Window, EpisodeError> {
        let (s, column) = place(streams, channel);
        let form = streams[s].form;
        if let Form::Frame(_) = form {
            let channel = card.channels[channel].channel.name.clone();
            return Err(EpisodeError::WrongKind {
                channel,
                found: "a camera",
                expected: "a channel of numbers",
            });
        }
        let mut out = Window::default();
        self.chunks(id, s, &streams[s], span, |chunk| {
            for row in 0..chunk.rows {
                let (from, to) = chunk.span(row, form);
                if span.has((from, to)) {
                    out.from_ns.push(from);
                    out.to_ns.push(to);
                    out.values.push(chunk.value(column, row));
                    out.valid.push(chunk.is_valid(column, row));
                }
            }
        })?;
        Ok(out)
    }

    /// The frames of a camera in `[from_s, to_s)`, as [`EpisodeStore::window`].
    ///
    /// # Errors
    /// As [`EpisodeStore::window`]; [`EpisodeError::WrongKind`] for what is no camera.
    pub fn frames(
        &self,
        id: EpisodeId,
        channel: &str,
        from_s: f64,
        to_s: f64,
    ) -> Result<Frames, EpisodeError> {
        let card = self.card(id)?;
        let streams = streams(&card);
        let (s, _) = place(&streams, card.find(channel)?);
        let span = Span::Between(nanoseconds(from_s), nanoseconds(to_s));
        let Form::Frame(each) = streams[s].form else {
            let (found, expected) = ("a channel of numbers", "a camera");
            return Err(EpisodeError::WrongKind { channel: channel.to_owned(), found, expected });
        };
        let mut out = Frames::default();
        self.chunks(id, s, &streams[s], span, |chunk| {
            for (row, frame) in chunk.data.chunks_exact(each).enumerate() {
                let (at, _) = chunk.span(row, streams[s].form);
                if span.has((at, at)) {
                    out.times_ns.push(at);
                    out.bytes.extend_from_slice(frame);
                }
            }
        })?;
        Ok(out)
    }

    /// Gives every chunk of a stream that may hold samples of `[from, to)`, in order of time.
    fn chunks(
        &self,
        id: EpisodeId,
        s: usize,
        stream: &Stream,
        span: Span,
        mut give: impl FnMut(&Chunk),
    ) -> Result<(), EpisodeError> {
        let (from, to) = span.ends();
        // A stream's samples do not overlap: of the chunks that begin at or before `from`, only the last can reach into it.
        let sql = format!(
            "SELECT {COLUMNS}, coalesce((SELECT hash FROM chunk AS before WHERE before.episode = ?1 AND before.seq = chunk.seq - 1),
                                        (SELECT hash FROM episode WHERE id = ?1))
             FROM chunk WHERE episode = ?1 AND stream = ?2 AND first_ns < ?4 AND first_ns >= coalesce(
                 (SELECT max(first_ns) FROM chunk WHERE episode = ?1 AND stream = ?2 AND first_ns <= ?3), ?3)
             ORDER BY first_ns"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(|e| self.unreadable(&e))?;
        let mut rows =
            statement.query(params![id.0 as i64, s as i64, from, to]).map_err(|e| self.unreadable(&e))?;
        let (mut last, mut ordinal, mut given) = (0, None, 0);
        loop {
            let parsed = match rows.next() {
                Ok(None) if span.lacks(given) => {
                    return Err(self.damaged(id, last + 1, "the index of times does not lead to it"));
                }
                Ok(None) => return Ok(()),
                Ok(Some(row)) => {
                    parse(row).and_then(|(c, hash)| Ok((c, hash, row.get::<_, [u8; 32]>(HASH + 1)?)))
                }
                Err(e) => Err(e),
            };
            let (chunk, hash, previous) = parsed.map_err(|e| self.damaged(id, last + 1, e.to_string()))?;
            if hash != chunk.digest(id, &previous) || !chunk.fits(stream) {
                return Err(self.damaged(id, chunk.seq, "its hash does not fit its content"));
            }
            if ordinal.is_some_and(|o| chunk.ordinal != o + 1) {
                return Err(self.damaged(id, last + 1, format!("it is missing before chunk {}", chunk.seq)));
            }
            (last, ordinal) = (chunk.seq, Some(chunk.ordinal));
            given += 1;
            give(&chunk);
        }
    }
}

/// Which samples of a stream are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span {
    /// Those of `[from, to)`, nanoseconds after the start of the episode.
    Between(i64, i64),
    /// All of them, in so many chunks: the index by which they are found is covered by no chain.
    All(u64),
}

impl Span {
    fn ends(self) -> (i64, i64) {
        match self {
            Span::Between(from, to) => (from, to),
            Span::All(_) => (i64::MIN, i64::MAX),
        }
    }

    /// An instant lies in it; an interval overlaps with it.
    fn has(self, (begin, end): (i64, i64)) -> bool {
        let (from, to) = self.ends();
        begin < to && if begin == end { begin >= from } else { end > from }
    }

    /// Fewer chunks were found than there are.
    fn lacks(self, found: u64) -> bool {
        matches!(self, Span::All(chunks) if found != chunks)
    }
}
