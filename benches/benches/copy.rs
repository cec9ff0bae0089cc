//! What a gigabyte costs that goes from one connection to another: `copy` as it is, which splices,
//! beside the same loop of reads and writes.
//!
//! CPU time of the copying thread alone (`CLOCK_THREAD_CPUTIME_ID`), median of interleaved rounds.
//! On the loopback interface a sender does the receiver's work in the kernel too, which is the same
//! for both and the larger part. So the ratio here is less than on a real network.

use std::io::{IoSliceMut, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream as StdStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use net::TcpStream;
use net::io::{AsyncRead, copy};

type Way = fn(usize) -> Duration;

fn main() {
    let ways: [(&str, Way); 4] = [
        ("splice", spliced),
        ("read and write, 8 KiB", |bytes| looped(bytes, 8)),
        ("read and write, 64 KiB", |bytes| looped(bytes, 64)),
        ("read and write, 256 KiB", |bytes| looped(bytes, 256)),
    ];
    let mut taken = vec![Vec::new(); ways.len()];
    for round in 0..ROUNDS {
        eprint!("\rround {} of {ROUNDS}", round + 1);
        for ((_, way), taken) in ways.iter().zip(&mut taken) {
            taken.push(way(BYTES).as_secs_f64() * 1e3 * 1e9 / BYTES as f64);
        }
    }
    eprintln!();
    let medians: Vec<f64> = taken.iter_mut().map(|taken| median(taken)).collect();
    for ((name, _), each) in ways.iter().zip(&medians) {
        println!("{each:>8.0} ms a GB  {:>5.2}  {name}", each / medians[0]);
    }
}

fn median(taken: &mut [f64]) -> f64 {
    taken.sort_by(f64::total_cmp);
    taken[taken.len() / 2]
}

fn spliced(bytes: usize) -> Duration {
    measured(bytes, async |from, to| {
        copy(&mut &from, &mut &to).await.expect("a copy")
    })
}

fn looped(bytes: usize, kilobytes: usize) -> Duration {
    measured(bytes, async move |from, to| {
        let mut buffer = vec![0; kilobytes * 1024];
        let mut copied = 0;
        if kilobytes == 8 {
            // The fallback of `copy` itself.
            return copy(&mut Plain(&from), &mut &to).await.expect("a copy");
        }
        loop {
            match from.read(&mut buffer).await.expect("bytes") {
                0 => return copied,
                count => {
                    to.write_all(&buffer[..count]).await.expect("room");
                    copied += count as u64;
                }
            }
        }
    })
}

/// A reader that does not look like a socket.
struct Plain<'a>(&'a TcpStream);

impl AsyncRead for Plain<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(context, slice)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &mut [IoSliceMut<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_read_vectored(context, slices)
    }
}

/// CPU time of this thread while it copies what one thread sends and another receives.
fn measured(bytes: usize, copy: impl AsyncFnOnce(TcpStream, TcpStream) -> u64) -> Duration {
    let (near, mut source) = pair();
    let (far, mut sink) = pair();
    let sending = thread::spawn(move || {
        let block = vec![7; 256 * 1024];
        for _ in 0..bytes / block.len() {
            source.write_all(&block).expect("room");
        }
        source.shutdown(Shutdown::Write).expect("an end");
    });
    let receiving = thread::spawn(move || {
        let mut block = vec![0; 256 * 1024];
        while sink.read(&mut block).expect("bytes") > 0 {}
    });
    let spent = runtime::block_on(async {
        let from = TcpStream::from_std(near).expect("a runtime");
        let to = TcpStream::from_std(far).expect("a runtime");
        let before = benches::sys::thread_cpu_time();
        let copied = copy(from, to).await;
        assert_eq!(copied, bytes as u64);
        benches::sys::thread_cpu_time() - before
    });
    sending.join().expect("the sender");
    receiving.join().expect("the receiver");
    spent
}

fn pair() -> (StdStream, StdStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let peer = StdStream::connect(address).expect("a connection");
    (listener.accept().expect("the other end").0, peer)
}

const ROUNDS: usize = 11;
const BYTES: usize = 256 << 20;
