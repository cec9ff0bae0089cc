//! Tasks that do not outlive the block that started them.
//!
//! ```text
//!   body and children run --- all done ------------------------------> Ok
//!          |
//!          | the first error, or panic, of the body or a child
//!          v
//!   asked to end: the token is cancelled --- all done within grace --> Err
//!          |
//!          | grace is over
//!          v
//!   cut: the body is dropped, the children aborted --- all gone -----> Err, with who was cut
//! ```
//!
//! The dangers: a child that is started when the end has begun, and one that is started from
//! a handle kept elsewhere when it is over. Every new child goes through a channel to whoever waits
//! here; it is drained before "all done" is said, and closed before children are cut, so that a child
//! that comes later is aborted by whoever starts it. On its way it is held by a handle that aborts it:
//! the channel may go, with the scope, before anybody has looked into it.
//!
//! Another danger is the body, which is foreign code: a panic of its closure, of its polls or of its
//! destructor must not carry the scope away from its children.
//!
//! A future cannot wait while it is dropped. If the scope itself is dropped before its end, its
//! children are aborted at once and end soon after.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::scoped::{self, First, ScopedJoinHandle};
use super::{AbortOnDropHandle, Id, JoinError, JoinSet};
use crate::foreign;
use crate::sync::{CancellationToken, mpsc, oneshot};
use crate::time::{Duration, Instant, timeout_at};

/// Runs `body`, and does not return before all tasks that were started through its [`Scope`] have
/// ended. `body` itself need not be `'static`.
///
/// At the first error or panic, of the body or of a task, the others are asked to end through the
/// [token](Scope::token); after five seconds (see [`scope_with`]) they are cut.
///
/// # Errors
///
/// The first error or panic of a task, or the body's error.
///
/// # Panics
///
/// With the body's panic, after the tasks have ended.
///
/// # Cancel safety
///
/// If this future is dropped, its tasks are aborted; they end soon, but not before.
///
/// # Examples
///
/// ```
/// use runtime::task::{Scope, scope};
///
/// runtime::block_on(async {
///     let outcome = scope(|tasks: Scope<&str>| async move {
///         tasks.spawn({
///             let stop = tasks.token().clone();
///             async move {
///                 stop.cancelled().await; // asked to end when the other fails
///                 Ok(())
///             }
///         });
///         tasks.spawn(async { Err::<(), _>("no such host") });
///         Ok(())
///     })
///     .await;
///     assert_eq!(outcome.unwrap_err().to_string(), "a task failed: no such host");
/// });
/// ```
pub async fn scope<F, Fut, T, E>(body: F) -> Result<T, ScopeError<E>>
where
    F: FnOnce(Scope<E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    scope_with(GRACE, body).await
}

/// As [`scope`], with another time between asking the tasks to end and cutting them.
///
/// # Errors
///
/// As those of [`scope`].
///
/// # Panics
///
/// With the body's panic, after the tasks have ended.
///
/// # Cancel safety
///
/// If this future is dropped, its tasks are aborted; they end soon, but not before.
pub async fn scope_with<F, Fut, T, E>(grace: Duration, body: F) -> Result<T, ScopeError<E>>
where
    F: FnOnce(Scope<E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let token = CancellationToken::new();
    let (adopt, adopted) = mpsc::unbounded_channel();
    let first = First::default();
    let scope = Scope {
        token: token.clone(),
        adopt,
        first: first.clone(),
    };
    let mut family = Family {
        // In a future of its own, so that a panic of the closure is one of the body.
        body: Some(Box::pin(async { body(scope).await })),
        children: JoinSet::new(),
        adopted,
        first,
        is_cut: false,
    };
    let mut ending = Ending {
        token,
        grace,
        cause: None,
        cut: Vec::new(),
        deadline: None,
    };
    let mut output = None;
    loop {
        match family.next_until(ending.deadline).await {
            None => {
                family.cut();
                ending.deadline = None;
            }
            Some(News::Body(Ok(Ok(value)))) => output = Some(value),
            Some(News::Body(Ok(Err(error)))) => {
                ending.begin(Cause::Failed(error), family.first.is(None));
            }
            Some(News::Body(Err(payload))) => {
                ending.begin(Cause::Body(payload), family.first.is(None));
            }
            Some(News::Child(_, Ok(Ok(())))) => {}
            Some(News::Child(id, Ok(Err(error)))) => {
                ending.begin(Cause::Failed(error), family.first.is(Some(id)));
            }
            Some(News::Child(id, Err(error))) if error.is_panic() => {
                ending.begin(Cause::Panicked(error), family.first.is(Some(id)));
            }
            Some(News::Child(id, Err(_))) if family.is_cut => ending.cut.push(id),
            // Aborted by whoever had its handle, which is nobody's failure.
            Some(News::Child(_, Err(_))) => {}
            Some(News::Over) => return ending.outcome(output),
        }
    }
}

/// Starts the tasks of a [`scope`]. Clones may be given to them, to start more.
pub struct Scope<E> {
    token: CancellationToken,
    adopt: mpsc::UnboundedSender<AbortOnDropHandle<Result<(), E>>>,
    first: First,
}

impl<E: Send + 'static> Scope<E> {
    /// Starts a task; an error of it ends the scope. The handle may be awaited for the output, or
    /// dropped: the scope waits for the task. When the scope is over, or its tasks are being cut, the
    /// task is aborted at once.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> ScopedJoinHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        let (give, output) = oneshot::channel();
        let handle = super::spawn(scoped::run(future, give, self.first.clone()));
        let abort = handle.abort_handle();
        // If it comes too late, it is aborted here.
        drop(self.adopt.send(AbortOnDropHandle::new(handle)));
        ScopedJoinHandle::new(abort, output)
    }
}

impl<E> Scope<E> {
    /// What asks the tasks to end: cancelled at the first failure, or by you.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl<E> Clone for Scope<E> {
    fn clone(&self) -> Self {
        Self {
            token: self.token.clone(),
            adopt: self.adopt.clone(),
            first: self.first.clone(),
        }
    }
}

impl<E> fmt::Debug for Scope<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// The body, its children, and those that are on their way.
struct Family<Fut, E> {
    /// Gone when it is ready, or was cut.
    body: Option<Pin<Box<Fut>>>,
    children: JoinSet<Result<(), E>>,
    adopted: mpsc::UnboundedReceiver<AbortOnDropHandle<Result<(), E>>>,
    first: First,
    is_cut: bool,
}

/// Something has ended.
enum News<T, E> {
    Body(Result<Result<T, E>, Box<dyn Any + Send>>),
    Child(Id, Result<Result<(), E>, JoinError>),
    /// Everything has.
    Over,
}

impl<Fut: Future<Output = Result<T, E>>, T, E> Family<Fut, E> {
    /// What ends next, or `None` when the deadline, if there is one, has passed.
    async fn next_until(&mut self, deadline: Option<Instant>) -> Option<News<T, E>> {
        let next = poll_fn(|context| self.poll_next(context));
        match deadline {
            Some(deadline) => timeout_at(deadline, next).await.ok(),
            None => Some(next.await),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<News<T, E>> {
        if let Some(body) = &mut self.body {
            let polled = catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(context)));
            let news = match polled {
                Ok(Poll::Pending) => None,
                Ok(Poll::Ready(result)) => Some(self.drop_body().map(|()| result)),
                Err(payload) => {
                    foreign::drop_quietly(self.body.take());
                    Some(Err(payload))
                }
            };
            if let Some(news) = news {
                if !matches!(news, Ok(Ok(_))) {
                    self.first.set(None);
                }
                return Poll::Ready(News::Body(news));
            }
        }
        // After the body, which may just have started some.
        let are_more_possible = self.adopt(context);
        match self.children.poll_join_next_with_id(context) {
            Poll::Ready(Some(Ok((id, result)))) => Poll::Ready(News::Child(id, Ok(result))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(News::Child(error.id(), Err(error))),
            Poll::Ready(None) if self.body.is_none() && !are_more_possible => {
                Poll::Ready(News::Over)
            }
            _ => Poll::Pending,
        }
    }

    /// Takes in who is on the way. With neither a body nor children, nobody of the family is left to
    /// start more, and the door is closed; then it is seen whether anybody came through before.
    /// True if this must be asked again, and the waker is left for it.
    fn adopt(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            match self.adopted.poll_recv(context) {
                Poll::Ready(Some(handle)) => {
                    if self.is_cut {
                        handle.abort();
                    }
                    self.children.insert(handle.detach());
                }
                Poll::Ready(None) => return false,
                Poll::Pending if self.body.is_none() && self.children.is_empty() => {
                    self.adopted.close();
                    if !crate::coop::has_left() {
                        // The answer was about the budget; the task has been woken for another.
                        return true;
                    }
                }
                Poll::Pending => return true,
            }
        }
    }

    /// Drops the body, whose destructors may panic.
    fn drop_body(&mut self) -> Result<(), Box<dyn Any + Send>> {
        let body = self.body.take();
        catch_unwind(AssertUnwindSafe(|| drop(body)))
    }

    /// Drops the body, and aborts the children and all to come. A panic of the body's destructor comes
    /// too late to be what ended the scope.
    fn cut(&mut self) {
        self.is_cut = true;
        self.adopted.close();
        foreign::drop_quietly(self.body.take());
        self.children.abort_all();
    }
}

/// How a scope ends.
struct Ending<E> {
    token: CancellationToken,
    grace: Duration,
    cause: Option<Cause<E>>,
    cut: Vec<Id>,
    /// When those are cut that have not ended.
    deadline: Option<Instant>,
}

/// Why.
enum Cause<E> {
    Failed(E),
    Panicked(JoinError),
    Body(Box<dyn Any + Send>),
}

impl<E> Ending<E> {
    /// The first failure counts, also if it is heard of later: what follows may well follow from it.
    fn begin(&mut self, cause: Cause<E>, is_first: bool) {
        let Some(known) = &mut self.cause else {
            self.cause = Some(cause);
            self.deadline = Some(Instant::now() + self.grace);
            self.token.cancel();
            return;
        };
        let later = if is_first {
            std::mem::replace(known, cause)
        } else {
            cause
        };
        if let Cause::Panicked(error) = &later {
            tell_unseen(error);
        }
        // What somebody else made is dropped here; its destructor is theirs.
        foreign::drop_quietly(later);
    }

    fn outcome<T>(self, output: Option<T>) -> Result<T, ScopeError<E>> {
        let kind = match (self.cause, output) {
            (None, Some(output)) => return Ok(output),
            (None, None) => unreachable!("a body ends with an output or a cause"),
            (Some(Cause::Body(payload)), _) => resume_unwind(payload),
            (Some(Cause::Failed(error)), _) => Failure::Error(error),
            (Some(Cause::Panicked(error)), _) => Failure::Panic(error),
        };
        Err(ScopeError {
            failure: kind,
            cut: self.cut,
        })
    }
}

/// A panic that is in nobody's error.
fn tell_unseen(error: &JoinError) {
    if let (Some(runtime), Some(panic)) = (crate::handle::current(), error.panic_of_task()) {
        runtime.shared.panics().tell_unseen(&panic);
    }
}

/// A scope was ended by a failure.
#[derive(Debug)]
pub struct ScopeError<E> {
    failure: Failure<E>,
    cut: Vec<Id>,
}

/// What ended a scope.
#[derive(Debug)]
pub enum Failure<E> {
    /// The first error, of the body or of a task.
    Error(E),
    /// The first panic of a task.
    Panic(JoinError),
}

impl<E> ScopeError<E> {
    /// What ended the scope.
    pub fn failure(&self) -> &Failure<E> {
        &self.failure
    }

    /// What ended the scope.
    pub fn into_failure(self) -> Failure<E> {
        self.failure
    }

    /// The tasks that had not ended within the grace, and were aborted.
    pub fn cut(&self) -> &[Id] {
        &self.cut
    }
}

impl<E: fmt::Display> fmt::Display for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Failure::Error(error) => write!(f, "a task failed: {error}")?,
            Failure::Panic(error) => error.fmt(f)?,
        }
        match self.cut.len() {
            0 => Ok(()),
            count => write!(f, "; {count} that did not end in time were cut"),
        }
    }
}

impl<E: std::error::Error> std::error::Error for ScopeError<E> {}

/// Between asking tasks to end and cutting them: enough to say goodbye to a peer.
const GRACE: Duration = Duration::from_secs(5);
