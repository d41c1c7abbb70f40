//! An upload as a blocking [`Write`], for the thread that packs and compresses an archive.
//!
//! The thread hands over chunks through a short channel and waits when the upload is behind; a task on the runtime does the
//! uploading. When the upload fails, the next write fails with that very [`StoreError`] inside the `io::Error`.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::{Upload, Uploaded, stopped};
use crate::{Key, StoreError};

/// How many bytes are handed over at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks in the channel: 4 * 256 KiB = 1 MiB beside the upload's own parts.
const CHUNKS: usize = 4;

enum Order {
    Write(Bytes),
    Finish,
}

/// The blocking end of an upload. Dropping it without [`UploadWriter::finish`] aborts the upload.
#[derive(Debug)]
pub struct UploadWriter {
    key: Key,
    chunk: BytesMut,
    orders: mpsc::Sender<Order>,
    outcome: Option<oneshot::Receiver<Result<Uploaded, StoreError>>>,
    failed: Option<StoreError>,
}

impl UploadWriter {
    /// Starts the task that uploads. The writer itself belongs into a thread that may block, not into async code.
    pub fn new(upload: Upload, runtime: &Handle) -> Self {
        let (orders, received) = mpsc::channel(CHUNKS);
        let (report, outcome) = oneshot::channel();
        let key = upload.key().clone();
        runtime.spawn(async move {
            // Nobody listens any more when the writer was dropped.
            let _ = report.send(drive(upload, received).await);
        });
        Self {
            key,
            chunk: BytesMut::with_capacity(CHUNK_BYTES),
            orders,
            outcome: Some(outcome),
            failed: None,
        }
    }

    /// Hands over what is left, waits until the upload is finished, and returns its length and version.
    pub fn finish(mut self) -> Result<Uploaded, StoreError> {
        self.hand_over()?;
        if self.orders.blocking_send(Order::Finish).is_err() {
            return Err(self.failure());
        }
        match self.outcome.take().map(oneshot::Receiver::blocking_recv) {
            Some(Ok(outcome)) => outcome,
            _ => Err(stopped(&self.key)),
        }
    }

    fn hand_over(&mut self) -> Result<(), StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = self.chunk.split().freeze();
        self.chunk.reserve(CHUNK_BYTES);
        self.orders.blocking_send(Order::Write(chunk)).map_err(|_| self.failure())
    }

    /// Why the task has stopped listening.
    fn failure(&mut self) -> StoreError {
        let outcome = self.outcome.take().map(oneshot::Receiver::blocking_recv);
        let error = match outcome {
            Some(Ok(Err(error))) => error,
            _ => self.failed.clone().unwrap_or_else(|| stopped(&self.key)),
        };
        self.failed = Some(error.clone());
        error
    }
}

impl Write for UploadWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK_BYTES {
            self.hand_over().map_err(io::Error::other)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Hands over what was collected; it does not wait until that has arrived.
    fn flush(&mut self) -> io::Result<()> {
        self.hand_over().map_err(io::Error::other)
    }
}

async fn drive(mut upload: Upload, mut orders: mpsc::Receiver<Order>) -> Result<Uploaded, StoreError> {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Finish => return upload.finish().await,
            Order::Write(chunk) => {
                if let Err(error) = upload.write(chunk).await {
                    // The writer hears of it now; cleaning up may take a while.
                    orders.close();
                    let _ = upload.abort().await;
                    return Err(error);
                }
            }
        }
    }
    let key = upload.key().clone();
    upload.abort().await?;
    Err(stopped(&key))
}
