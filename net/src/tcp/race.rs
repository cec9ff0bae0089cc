//! Several addresses, of which the first that answers wins.
//!
//! A name often has addresses that do not work from here: of the version of IP that the network does
//! not carry, or of a server that is down. To wait for each until it has failed could take minutes,
//! and to try all at once would be rude. So the next one is tried when the last has had its chance
//! for a while, or has failed; and the first that answers ends all the others. (RFC 8305, section 5.)
//!
//! What is tried is the caller's affair: here is only the order.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use runtime::time::{Instant, Sleep, sleep};

use crate::addr;

/// The first attempt that succeeds, of those that `attempt` makes of the addresses in their order.
///
/// # Errors
///
/// When all have failed: what happened to each.
pub(super) async fn race<F, T>(
    addresses: Vec<SocketAddr>,
    attempt: impl FnMut(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut race = Race {
        waiting: addresses.into_iter(),
        attempt,
        running: Vec::new(),
        failed: Vec::new(),
        pause: None,
    };
    poll_fn(|context| race.poll(context)).await
}

struct Race<A, F> {
    /// Those that have not started.
    waiting: vec::IntoIter<SocketAddr>,
    attempt: A,
    running: Vec<(SocketAddr, Pin<Box<F>>)>,
    failed: Vec<(SocketAddr, io::Error)>,
    /// Until the next may start; one timer for the whole race.
    pause: Option<Sleep>,
}

impl<A, F, T> Race<A, F>
where
    A: FnMut(SocketAddr) -> F,
    F: Future<Output = io::Result<T>>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        loop {
            let failed_before = self.failed.len();
            if let Some(winner) = self.poll_running(context) {
                return Poll::Ready(Ok(winner));
            }
            let may_start = self.failed.len() > failed_before || self.running.is_empty();
            if !may_start && !self.poll_pause(context)? {
                return Poll::Pending;
            }
            match self.waiting.next() {
                Some(address) => self.start(address),
                None if self.running.is_empty() => return Poll::Ready(Err(self.all_failed())),
                None => {
                    self.pause = None;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Polls all that run; those that fail leave.
    fn poll_running(&mut self, context: &mut Context<'_>) -> Option<T> {
        let mut at = 0;
        while let Some((address, attempt)) = self.running.get_mut(at) {
            match attempt.as_mut().poll(context) {
                Poll::Pending => at += 1,
                Poll::Ready(Ok(winner)) => return Some(winner),
                Poll::Ready(Err(error)) => {
                    self.failed.push((*address, error));
                    self.running.remove(at);
                }
            }
        }
        None
    }

    /// Whether the last that was started has had its chance. When nobody waits for that, never.
    fn poll_pause(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.waiting.len() == 0 {
            return Ok(false);
        }
        let pause = self.pause.get_or_insert_with(|| sleep(STAGGER));
        match pause.poll_elapsed(context) {
            Poll::Ready(elapsed) => elapsed.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    fn start(&mut self, address: SocketAddr) {
        let attempt = Box::pin((self.attempt)(address));
        self.running.push((address, attempt));
        if let Some(pause) = &mut self.pause {
            pause.reset(Instant::now() + STAGGER);
        }
    }

    fn all_failed(&mut self) -> io::Error {
        match self.failed.len() {
            0 => addr::no_address(),
            1 => self.failed.remove(0).1,
            _ => {
                let told = self
                    .failed
                    .iter()
                    .map(|(to, error)| format!("{to}: {error}"));
                let told = told.collect::<Vec<_>>().join("; ");
                // Of the preferred address: the others may have been tried for want of better.
                let kind = self.failed[0].1.kind();
                io::Error::new(kind, format!("none of the addresses answers: {told}"))
            }
        }
    }
}

/// "Connection Attempt Delay": 250 milliseconds are recommended.
const STAGGER: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::pending;
    use std::io::ErrorKind;

    use super::*;

    /// What becomes of an attempt: the port says it.
    async fn fate(address: SocketAddr) -> io::Result<SocketAddr> {
        match address.port() {
            FAILS => Err(ErrorKind::ConnectionRefused.into()),
            HANGS => pending().await,
            LATER => {
                sleep(STAGGER * 2).await;
                Ok(address)
            }
            _ => Ok(address),
        }
    }

    const FAILS: u16 = 1;
    const HANGS: u16 = 2;
    const LATER: u16 = 3;
    const WORKS: u16 = 4;

    /// Races addresses that differ in their first byte too, and tells which were tried when.
    fn raced(ports: &[u16]) -> (io::Result<SocketAddr>, Vec<(u16, Duration)>) {
        let addresses = ports.iter().zip(1..);
        let addresses = addresses.map(|(port, first)| SocketAddr::from(([first, 0, 0, 1], *port)));
        let tried = RefCell::new(Vec::new());
        let began = Instant::now();
        let outcome = runtime::block_on(race(addresses.collect(), |address| {
            tried.borrow_mut().push((address.port(), began.elapsed()));
            fate(address)
        }));
        (outcome, tried.into_inner())
    }

    fn ports(tried: &[(u16, Duration)]) -> Vec<u16> {
        tried.iter().map(|(port, _)| *port).collect()
    }

    #[test]
    fn the_first_that_works_is_enough() {
        let (outcome, tried) = raced(&[WORKS, WORKS, FAILS]);
        assert_eq!(outcome.expect("it works").ip().to_string(), "1.0.0.1");
        assert_eq!(ports(&tried), [WORKS]);
    }

    #[test]
    fn after_a_failure_the_next_is_tried_at_once() {
        let (outcome, tried) = raced(&[FAILS, FAILS, WORKS]);
        assert_eq!(outcome.expect("it works").port(), WORKS);
        assert_eq!(ports(&tried), [FAILS, FAILS, WORKS]);
        assert!(tried[2].1 < STAGGER);
    }

    #[test]
    fn one_that_does_not_answer_has_its_chance_and_no_more() {
        let (outcome, tried) = raced(&[HANGS, FAILS, HANGS, WORKS]);
        assert_eq!(outcome.expect("it works").port(), WORKS);
        assert_eq!(ports(&tried), [HANGS, FAILS, HANGS, WORKS]);
        assert!(tried[1].1 >= STAGGER);
        // The failure let the third begin; the fourth had to wait for its chance.
        assert!(tried[3].1 >= STAGGER * 2);
    }

    #[test]
    fn the_first_may_still_win_when_the_second_has_begun() {
        let (outcome, tried) = raced(&[LATER, HANGS]);
        assert_eq!(outcome.expect("it works").port(), LATER);
        assert_eq!(ports(&tried), [LATER, HANGS]);
    }

    #[test]
    fn when_all_fail_each_is_told_of() {
        let error = raced(&[FAILS, FAILS]).0.expect_err("none works");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let text = error.to_string();
        assert!(
            text.contains("1.0.0.1:1: ") && text.contains("2.0.0.1:1: "),
            "{text}"
        );
        let alone = raced(&[FAILS]).0.expect_err("it does not work");
        assert_eq!(alone.kind(), ErrorKind::ConnectionRefused);
        let none = raced(&[]).0.expect_err("there is none");
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
    }
}
