//! Samples of one stream that are not yet in a chunk.

use super::chunk::{Chunk, mask};
use super::stream::{Form, Stream};

/// Numbers of a chunk: half a megabyte, of which a window reads one too many at either end.
const CHUNK_NUMBERS_MOST: usize = 1 << 16;
/// Bytes of a chunk of frames.
const CHUNK_BYTES_MOST: usize = 4 << 20;

/// Samples of one stream that are not yet in a chunk.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Chunks that were cut from it.
    cut: u64,
    rows: usize,
    /// When the first row begins.
    first_ns: i64,
    /// When the last row ended; the next may not begin before it, nor an instant at it.
    last_ns: Option<i64>,
    /// `[rows × channels]`.
    values: Vec<f64>,
    /// `[rows × channels]`.
    valid: Vec<bool>,
    /// `[rows]` where the samples have times of their own.
    begins: Vec<i64>,
    ends: Vec<i64>,
    frames: Vec<u8>,
}

impl Buffer {
    /// The earliest time at which the next sample may begin.
    pub(super) fn earliest(&self, stream: &Stream) -> i64 {
        match (self.last_ns, stream.form, stream.period_ns()) {
            (None, ..) => i64::MIN,
            (Some(last), Form::Interval, _) => last,
            (Some(last), Form::Instant, Some(period)) => last.saturating_add(period),
            (Some(last), ..) => last.saturating_add(1),
        }
    }

    /// Takes rows of an even grid, checked before. Gives the chunks that are full.
    pub(super) fn even(
        &mut self,
        stream: &Stream,
        from_ns: i64,
        values: &[f64],
        valid: &[bool],
    ) -> Vec<Chunk> {
        let (width, period) = (stream.channels.len(), stream.period_ns().unwrap_or(1));
        let mut out = Vec::new();
        // A gap in the grid begins a new chunk.
        if self.rows > 0 && from_ns != self.first_ns + period * self.rows as i64 {
            out.extend(self.cut(stream, 0));
        }
        let most = (CHUNK_NUMBERS_MOST / width).max(1);
        let (mut at_ns, mut taken, rows) = (from_ns, 0, values.len() / width);
        while taken < rows {
            if self.rows == 0 {
                self.first_ns = at_ns;
            }
            let n = (most - self.rows).min(rows - taken);
            let part = taken * width..(taken + n) * width;
            self.values.extend_from_slice(&values[part.clone()]);
            if valid.is_empty() {
                self.valid.extend(values[part].iter().map(|v| !v.is_nan()));
            } else {
                self.valid.extend(part.map(|i| valid[i] && !values[i].is_nan()));
            }
            self.rows += n;
            taken += n;
            at_ns += period * n as i64;
            let hold = if stream.form == Form::Interval { 0 } else { period };
            self.last_ns = Some(at_ns - hold);
            out.extend(self.cut(stream, most));
        }
        out
    }

    /// Takes one number with a time of its own, checked before.
    pub(super) fn number(
        &mut self,
        stream: &Stream,
        span: (i64, i64),
        value: f64,
        valid: bool,
    ) -> Option<Chunk> {
        self.values.push(value);
        self.valid.push(valid && !value.is_nan());
        self.timed(span);
        self.cut(stream, CHUNK_NUMBERS_MOST)
    }

    /// Takes one frame, checked before.
    pub(super) fn frame(&mut self, stream: &Stream, at_ns: i64, bytes: &[u8]) -> Option<Chunk> {
        self.frames.extend_from_slice(bytes);
        self.timed((at_ns, at_ns));
        self.cut(stream, (CHUNK_BYTES_MOST / bytes.len().max(1)).max(1))
    }

    fn timed(&mut self, (begin, end): (i64, i64)) {
        if self.rows == 0 {
            self.first_ns = begin;
        }
        self.begins.push(begin);
        self.ends.push(end);
        self.rows += 1;
        self.last_ns = Some(end);
    }

    /// Everything in it as a chunk, where there are at least `least` rows and one; its number is given later.
    pub(super) fn cut(&mut self, stream: &Stream, least: usize) -> Option<Chunk> {
        if self.rows < least.max(1) {
            return None;
        }
        self.cut += 1;
        let (rows, width) = (self.rows, stream.channels.len());
        let (data, valid) = if let Form::Frame(_) = stream.form {
            (std::mem::take(&mut self.frames), None)
        } else {
            let mut data = Vec::with_capacity(self.values.len() * 8);
            for column in 0..width {
                let column = self.values.iter().skip(column).step_by(width);
                data.extend(column.flat_map(|v| v.to_le_bytes()));
            }
            let order = (0..width * rows).map(|i| (i % rows) * width + i / rows);
            (data, mask(order.map(|i| self.valid[i])))
        };
        let times = (!self.begins.is_empty()).then(|| {
            let ends = if stream.form == Form::Interval { &self.ends[..] } else { &[] };
            self.begins.iter().chain(ends).flat_map(|t| t.to_le_bytes()).collect()
        });
        let chunk = Chunk {
            seq: 0,
            stream: usize::MAX,
            ordinal: self.cut,
            first_ns: self.first_ns,
            last_ns: self.last_ns.unwrap_or(self.first_ns),
            period_ns: if times.is_none() { stream.period_ns() } else { None },
            rows,
            times,
            data,
            valid,
        };
        self.rows = 0;
        self.values.clear();
        self.valid.clear();
        self.begins.clear();
        self.ends.clear();
        Some(chunk)
    }
}
