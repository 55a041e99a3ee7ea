//! Channels that are sampled together are kept together: a stream.

use forethought_plant::ChannelKind;

use super::card::{EpisodeCard, Sampling};

/// What one sample of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Numbers read at an instant.
    Instant,
    /// Numbers held over an interval of time.
    Interval,
    /// A frame of so many bytes at an instant.
    Frame(usize),
}

/// Channels with one form and one base of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) form: Form,
    pub(super) sampling: Sampling,
    /// Where its channels stand in the card, in the card's order.
    pub(super) channels: Vec<usize>,
}

impl Stream {
    /// Nanoseconds from one sample to the next on an even grid.
    pub(super) fn period_ns(&self) -> Option<i64> {
        match self.sampling {
            Sampling::Every { period_ns } => Some(period_ns),
            Sampling::AtTimes { .. } => None,
        }
    }
}

/// The streams of a card. A function of the card alone: a stream's number in the file means this.
pub(super) fn streams(card: &EpisodeCard) -> Vec<Stream> {
    let mut out: Vec<Stream> = Vec::new();
    for (i, c) in card.channels.iter().enumerate() {
        let form = match c.channel.kind {
            ChannelKind::Action => Form::Interval,
            ChannelKind::Camera => Form::Frame(c.frame.map_or(0, |f| f.bytes())),
            ChannelKind::Sensor | ChannelKind::Event => Form::Instant,
        };
        let is_even = matches!(c.sampling, Sampling::Every { .. }) && !matches!(form, Form::Frame(_));
        match out.iter_mut().find(|s| is_even && s.form == form && s.sampling == c.sampling) {
            Some(stream) => stream.channels.push(i),
            None => out.push(Stream { form, sampling: c.sampling, channels: vec![i] }),
        }
    }
    out
}

/// The stream of a channel and its column there.
pub(super) fn place(streams: &[Stream], channel: usize) -> (usize, usize) {
    let find = |s: &Stream| s.channels.iter().position(|&c| c == channel);
    streams
        .iter()
        .enumerate()
        .find_map(|(s, stream)| Some((s, find(stream)?)))
        .expect("every channel of a card is in one of its streams")
}
