//! What the kernel knows of a connection.
//!
//! The kernel hands out one big struct of counters. Here its fields get units and names; what a
//! kernel older than 5.4 does not know is zero.

use std::time::Duration;

use crate::sys::option;

/// What the kernel knows of a connection at one moment; see
/// [`TcpStream::info`](super::TcpStream::info).
///
/// # Examples
///
/// ```
/// # use net::{TcpListener, TcpStream};
/// # fn main() -> std::io::Result<()> {
/// # runtime::block_on(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let client = TcpStream::connect(listener.local_addr()?).await?;
/// # let (server, _) = listener.accept().await?;
/// client.write_all(b"hello").await?;
/// server.read_exact(&mut [0; 5]).await?;
/// let info = client.info()?;
/// println!("round trip {:?}, {} retransmits", info.rtt(), info.total_retransmits());
/// assert_eq!(server.info()?.bytes_received(), 5);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TcpInfo {
    raw: option::TcpInfo,
}

impl TcpInfo {
    pub(super) fn new(raw: option::TcpInfo) -> Self {
        Self { raw }
    }

    /// The state of the connection.
    pub fn state(&self) -> TcpState {
        TcpState::of(self.raw.state)
    }

    /// The smoothed time from a packet to its acknowledgement.
    pub fn rtt(&self) -> Duration {
        microseconds(self.raw.round_trip)
    }

    /// By how much that time varies.
    pub fn rtt_variance(&self) -> Duration {
        microseconds(self.raw.round_trip_variance)
    }

    /// The shortest such time of late.
    pub fn min_rtt(&self) -> Duration {
        microseconds(self.raw.least_round_trip)
    }

    /// How long an acknowledgement is waited for before a packet is sent again.
    pub fn rto(&self) -> Duration {
        microseconds(self.raw.retransmit_timeout)
    }

    /// Packets sent again, over the connection's life.
    pub fn total_retransmits(&self) -> u32 {
        self.raw.total_retransmits
    }

    /// How often in a row the oldest packet was sent again without an answer.
    pub fn retransmits(&self) -> u32 {
        self.raw.retransmits.into()
    }

    /// Packets that are believed lost just now.
    pub fn lost(&self) -> u32 {
        self.raw.lost
    }

    /// Packets that are on the way, not acknowledged yet.
    pub fn unacked(&self) -> u32 {
        self.raw.unacknowledged
    }

    /// How many packets may be on the way at once.
    pub fn congestion_window(&self) -> u32 {
        self.raw.congestion_window
    }

    /// The size of the congestion window at which its growth slows down.
    pub fn slow_start_threshold(&self) -> u32 {
        self.raw.slow_start_threshold
    }

    /// The bytes of a full packet that we send.
    pub fn send_mss(&self) -> u32 {
        self.raw.send_segment
    }

    /// The bytes of a full packet that the peer sends, as far as we have seen.
    pub fn recv_mss(&self) -> u32 {
        self.raw.receive_segment
    }

    /// The largest packet that the path takes, in bytes.
    pub fn path_mtu(&self) -> u32 {
        self.raw.path_mtu
    }

    /// Bytes that the peer has acknowledged.
    pub fn bytes_acked(&self) -> u64 {
        self.raw.bytes_acknowledged
    }

    /// Bytes that have come, read or not.
    pub fn bytes_received(&self) -> u64 {
        self.raw.bytes_received
    }

    /// Bytes sent, those sent again included.
    pub fn bytes_sent(&self) -> u64 {
        self.raw.bytes_sent
    }

    /// Bytes sent again.
    pub fn bytes_retransmitted(&self) -> u64 {
        self.raw.bytes_retransmitted
    }

    /// Bytes that were written and not sent yet.
    pub fn bytes_not_sent(&self) -> u32 {
        self.raw.bytes_not_sent
    }

    /// Bytes a second that arrived of late.
    pub fn delivery_rate(&self) -> u64 {
        self.raw.delivery_rate
    }

    /// Bytes a second that the kernel means to send at most.
    pub fn pacing_rate(&self) -> u64 {
        self.raw.pacing_rate
    }

    /// How long ago we sent data last.
    pub fn last_data_sent(&self) -> Duration {
        Duration::from_millis(self.raw.since_data_sent.into())
    }

    /// How long ago data came last.
    pub fn last_data_received(&self) -> Duration {
        Duration::from_millis(self.raw.since_data_received.into())
    }

    /// How long ago an acknowledgement came last.
    pub fn last_ack_received(&self) -> Duration {
        Duration::from_millis(self.raw.since_ack_received.into())
    }

    /// How long we have been sending.
    pub fn busy_time(&self) -> Duration {
        Duration::from_micros(self.raw.busy_time)
    }

    /// How much of that time was lost because the peer did not take more.
    pub fn window_limited_time(&self) -> Duration {
        Duration::from_micros(self.raw.window_limited_time)
    }

    /// Bytes that the peer has room for.
    pub fn send_window(&self) -> u32 {
        self.raw.send_window
    }
}

/// The state of a connection, by the names of RFC 9293.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TcpState {
    /// It stands.
    Established,
    /// We have asked for it.
    SynSent,
    /// The peer has asked for it.
    SynReceived,
    /// We have ended our direction.
    FinWait1,
    /// We have ended our direction, and the peer knows.
    FinWait2,
    /// Both have ended; old packets are waited for.
    TimeWait,
    /// It is over.
    Closed,
    /// The peer has ended its direction.
    CloseWait,
    /// Both have ended, the peer first; its acknowledgement is waited for.
    LastAck,
    /// It is no connection: it accepts some.
    Listen,
    /// Both have ended at once.
    Closing,
    /// One that this crate does not know.
    Other,
}

impl TcpState {
    fn of(number: u8) -> Self {
        // The kernel's numbers, from one on.
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => Self::Other,
        }
    }
}

fn microseconds(count: u32) -> Duration {
    Duration::from_micros(count.into())
}
