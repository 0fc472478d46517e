//! What a function writes to standard output and standard error, line by line into its log.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::net::unix::pipe;

use crate::logs::{LINE_LIMIT_BYTES, LogFile};

/// Of the log's end that an `Invoke` with `LogType=Tail` answers. Source: the API reference, `LogResult`.
const TAIL_BYTES: usize = 4096;

/// A pipe holds 64 KB; a few of them are read before an answer goes out, so that a function which never stops writing does not
/// hold it back.
const MOST_READS: usize = 8;

/// Both output streams of one process, in the order in which they were written: they share one pipe.
#[derive(Debug)]
pub(crate) struct Capture {
    pipe: pipe::Receiver,
    log: Arc<LogFile>,
    process: String,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// A line whose end has not come yet.
    partial: Vec<u8>,
    /// The end of the present invocation's log.
    tail: Vec<u8>,
}

impl Capture {
    pub fn new(pipe: pipe::Receiver, log: Arc<LogFile>, process: String) -> Capture {
        Capture { pipe, log, process, lines: Mutex::default() }
    }

    /// Reads until the last writer has closed the pipe.
    pub async fn run(&self) {
        loop {
            if self.pipe.readable().await.is_err() {
                return;
            }
            let mut buffer = vec![0; 64 * 1024];
            // Read and take in under one lock, so that lines keep their order beside `drain`.
            let mut lines = self.lines();
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => return self.flush(&mut lines),
                Ok(count) => self.take(&mut lines, &buffer[..count]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    /// Takes in what was written up to now, also the last line without an end: called when an answer is there, so that all the
    /// function wrote before it stands before it in the log.
    pub fn drain(&self) {
        let mut buffer = vec![0; 64 * 1024];
        let mut lines = self.lines();
        for _ in 0..MOST_READS {
            // Past tokio's notion of readiness, which may not have heard yet of what is in the pipe.
            match rustix::io::read(&self.pipe, &mut buffer) {
                Ok(count) if count > 0 => self.take(&mut lines, &buffer[..count]),
                _ => break,
            }
        }
        self.flush(&mut lines);
    }

    /// A line of the host's own; `START` begins a new tail.
    pub fn line(&self, text: &str) {
        let mut lines = self.lines();
        if text.starts_with("START ") {
            lines.tail.clear();
        }
        self.write(&mut lines, &[text.to_owned()]);
    }

    /// The last 4 KB of the present invocation's log.
    pub fn tail(&self) -> Vec<u8> {
        self.lines().tail.clone()
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, lines: &mut Lines, bytes: &[u8]) {
        lines.partial.extend_from_slice(bytes);
        let whole = match lines.partial.iter().rposition(|b| *b == b'\n') {
            Some(at) => at + 1,
            None if lines.partial.len() >= LINE_LIMIT_BYTES => lines.partial.len(),
            None => return,
        };
        let rest = lines.partial.split_off(whole);
        let done = std::mem::replace(&mut lines.partial, rest);
        let text = String::from_utf8_lossy(&done).into_owned();
        let split: Vec<String> = text.lines().map(str::to_owned).collect();
        self.write(lines, &split);
    }

    fn flush(&self, lines: &mut Lines) {
        if !lines.partial.is_empty() {
            let done = std::mem::take(&mut lines.partial);
            self.write(lines, &[String::from_utf8_lossy(&done).into_owned()]);
        }
    }

    fn write(&self, lines: &mut Lines, texts: &[String]) {
        self.log.write(Timestamp::now(), &self.process, texts.iter().map(String::as_str));
        for text in texts {
            lines.tail.extend_from_slice(text.as_bytes());
            lines.tail.push(b'\n');
        }
        let superfluous = lines.tail.len().saturating_sub(TAIL_BYTES);
        lines.tail.drain(..superfluous);
    }
}
