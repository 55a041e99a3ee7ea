//! An episode that is being written: what was appended and is not yet durable.

use forethought_plant::ChannelKind;

use super::buffer::Buffer;
use super::card::{EpisodeCard, Sampling};
use super::chunk::Chunk;
use super::stream::{Form, Stream, place, streams};
use super::{EpisodeError, EpisodeId};

/// Rows of all channels of one rate on an even grid: what a plant's periods give.
///
/// Action `i` is held over `[set_from_ns + i·p, set_from_ns + (i + 1)·p)`; reading `i` is taken at `read_from_ns + i·p`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block<'a> {
    /// p, as the channels' cards have it.
    pub period_ns: i64,
    /// When the first action began to be held, nanoseconds after the start of the episode.
    pub set_from_ns: i64,
    /// `[periods × actions of this rate]`, NaN where nobody knows what was set.
    pub set: &'a [f64],
    /// When the first reading was taken.
    pub read_from_ns: i64,
    /// `[readings × sensors and events of this rate]`, NaN where nothing was read.
    pub read: &'a [f64],
    /// Which numbers of `read` are valid, in its shape; empty: all that are not NaN.
    pub valid: &'a [bool],
}

impl<'a> Block<'a> {
    /// The reading before the first action.
    pub fn first(period_ns: i64, at_ns: i64, read: &'a [f64]) -> Self {
        Block { period_ns, set_from_ns: at_ns, set: &[], read_from_ns: at_ns, read, valid: &[] }
    }

    /// Periods, the first of which begins at `from_ns`; readings are taken at the end of each.
    pub fn periods(period_ns: i64, from_ns: i64, set: &'a [f64], read: &'a [f64]) -> Self {
        let read_from_ns = from_ns.saturating_add(period_ns);
        Block { period_ns, set_from_ns: from_ns, set, read_from_ns, read, valid: &[] }
    }
}

/// An episode that is being written.
#[derive(Debug)]
pub(super) struct Open {
    id: EpisodeId,
    card: EpisodeCard,
    streams: Vec<Stream>,
    buffers: Vec<Buffer>,
    /// The last chunk that was made.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) hash: [u8; 32],
}

impl Open {
    /// Before the first chunk; `hash` is the card's.
    pub(super) fn new(id: EpisodeId, card: EpisodeCard, hash: [u8; 32]) -> Self {
        let streams = streams(&card);
        let buffers = streams.iter().map(|_| Buffer::default()).collect();
        Open { id, card, streams, buffers, seq: 0, hash }
    }

    /// Takes a block whole or not at all. Gives the chunks that are full.
    pub(super) fn block(&mut self, b: &Block<'_>) -> Result<Vec<(Chunk, [u8; 32])>, EpisodeError> {
        let set = self.even(Form::Interval, b.period_ns, b.set_from_ns, b.set, &[], "a block's actions")?;
        let read =
            self.even(Form::Instant, b.period_ns, b.read_from_ns, b.read, b.valid, "a block's readings")?;
        let mut out = Vec::new();
        for (stream, from_ns, values, valid) in
            [(set, b.set_from_ns, b.set, &[][..]), (read, b.read_from_ns, b.read, b.valid)]
        {
            if let Some(s) = stream {
                let full = self.buffers[s].even(&self.streams[s], from_ns, values, valid);
                out.extend(full.into_iter().map(|c| self.number(s, c)));
            }
        }
        Ok(out)
    }

    /// The stream that these rows go to, where they may go there; nothing where there are none.
    fn even(
        &self,
        form: Form,
        period_ns: i64,
        from_ns: i64,
        values: &[f64],
        valid: &[bool],
        what: &'static str,
    ) -> Result<Option<usize>, EpisodeError> {
        if values.is_empty() && valid.is_empty() {
            return Ok(None);
        }
        let is_this = |s: &Stream| s.form == form && s.sampling == Sampling::Every { period_ns };
        let Some(s) = self.streams.iter().position(is_this) else {
            return Err(EpisodeError::Shape { what, found: values.len(), expected: 0 });
        };
        let (stream, width) = (&self.streams[s], self.streams[s].channels.len());
        let rows = values.len() / width;
        if !values.len().is_multiple_of(width) {
            return Err(EpisodeError::Shape { what, found: values.len(), expected: rows * width });
        }
        if !valid.is_empty() && valid.len() != values.len() {
            return Err(EpisodeError::Shape {
                what: "a block's validity",
                found: valid.len(),
                expected: values.len(),
            });
        }
        let is_too_late = |n: i64| n.checked_mul(period_ns).and_then(|d| from_ns.checked_add(d)).is_none();
        let earliest = self.buffers[s].earliest(stream);
        if from_ns < earliest || is_too_late(rows as i64) {
            return Err(self.disorder(stream.channels[0], 0, from_ns, earliest));
        }
        if let Some(i) = values.iter().position(|v| v.is_infinite()) {
            return Err(self.infinite(stream.channels[i % width], i / width, values[i]));
        }
        Ok(Some(s))
    }

    /// Takes samples of one channel with times of their own, all or none.
    pub(super) fn samples(
        &mut self,
        channel: &str,
        spans: &[(i64, i64)],
        values: &[f64],
        valid: &[bool],
    ) -> Result<Vec<(Chunk, [u8; 32])>, EpisodeError> {
        let c = self.card.find(channel)?;
        let (s, _) = place(&self.streams, c);
        let stream = &self.streams[s];
        if let Form::Frame(_) = stream.form {
            return Err(wrong(channel, "a camera", "a channel of numbers"));
        }
        if stream.period_ns().is_some() {
            return Err(wrong(channel, "on an even grid", "a channel with times of its own"));
        }
        let shape = |found: usize, what| match found == values.len() {
            true => Ok(()),
            false => Err(EpisodeError::Shape { what, found, expected: values.len() }),
        };
        shape(spans.len(), "times of samples")?;
        if !valid.is_empty() {
            shape(valid.len(), "validity of samples")?;
        }
        self.in_order(c, s, spans)?;
        if let Some(row) = values.iter().position(|v| v.is_infinite()) {
            return Err(self.infinite(c, row, values[row]));
        }
        let mut out = Vec::new();
        for (row, (&span, &value)) in spans.iter().zip(values).enumerate() {
            let is_valid = valid.get(row).copied().unwrap_or(true);
            let full = self.buffers[s].number(&self.streams[s], span, value, is_valid);
            out.extend(full.map(|chunk| self.number(s, chunk)));
        }
        Ok(out)
    }

    /// Takes frames of a camera, all or none.
    pub(super) fn frames(
        &mut self,
        channel: &str,
        times_ns: &[i64],
        bytes: &[u8],
    ) -> Result<Vec<(Chunk, [u8; 32])>, EpisodeError> {
        let c = self.card.find(channel)?;
        let (s, _) = place(&self.streams, c);
        let Form::Frame(each) = self.streams[s].form else {
            return Err(wrong(channel, "a channel of numbers", "a camera"));
        };
        if bytes.len() != each * times_ns.len() {
            let (found, expected) = (bytes.len(), each * times_ns.len());
            return Err(EpisodeError::Shape { what: "bytes of frames", found, expected });
        }
        let spans: Vec<(i64, i64)> = times_ns.iter().map(|&t| (t, t)).collect();
        self.in_order(c, s, &spans)?;
        let mut out = Vec::new();
        for (&at_ns, frame) in times_ns.iter().zip(bytes.chunks_exact(each)) {
            let full = self.buffers[s].frame(&self.streams[s], at_ns, frame);
            out.extend(full.map(|chunk| self.number(s, chunk)));
        }
        Ok(out)
    }

    /// Instants increase; intervals have a length and do not overlap.
    fn in_order(&self, channel: usize, s: usize, spans: &[(i64, i64)]) -> Result<(), EpisodeError> {
        let is_interval = self.streams[s].form == Form::Interval;
        let mut earliest = self.buffers[s].earliest(&self.streams[s]);
        for (row, &(begin, end)) in spans.iter().enumerate() {
            if begin < earliest {
                return Err(self.disorder(channel, row, begin, earliest));
            }
            if is_interval && end <= begin {
                return Err(self.disorder(channel, row, end, begin.saturating_add(1)));
            }
            earliest = if is_interval { end } else { begin.saturating_add(1) };
        }
        Ok(())
    }

    /// Everything that is left, as chunks.
    pub(super) fn flush(&mut self) -> Vec<(Chunk, [u8; 32])> {
        let cut: Vec<_> = (self.buffers.iter_mut().zip(&self.streams).enumerate())
            .filter_map(|(s, (buffer, stream))| Some((s, buffer.cut(stream, 1)?)))
            .collect();
        cut.into_iter().map(|(s, chunk)| self.number(s, chunk)).collect()
    }

    /// Gives a chunk its place in the chain.
    fn number(&mut self, stream: usize, mut chunk: Chunk) -> (Chunk, [u8; 32]) {
        self.seq += 1;
        (chunk.seq, chunk.stream) = (self.seq, stream);
        self.hash = chunk.digest(self.id, &self.hash);
        (chunk, self.hash)
    }

    fn disorder(&self, channel: usize, row: usize, found_ns: i64, after_ns: i64) -> EpisodeError {
        let channel = self.card.channels[channel].channel.name.clone();
        EpisodeError::Disorder { channel, row, found_ns, after_ns }
    }

    fn infinite(&self, channel: usize, row: usize, found: f64) -> EpisodeError {
        EpisodeError::Infinite { channel: self.card.channels[channel].channel.name.clone(), row, found }
    }

    /// The channel is set and has times of its own.
    pub(super) fn is_action(&self, channel: &str) -> Result<bool, EpisodeError> {
        Ok(self.card.channels[self.card.find(channel)?].channel.kind == ChannelKind::Action)
    }
}

fn wrong(channel: &str, found: &'static str, expected: &'static str) -> EpisodeError {
    EpisodeError::WrongKind { channel: channel.to_owned(), found, expected }
}
