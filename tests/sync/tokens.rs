//! Tokens and trackers against a plain tree and a plain count.
//!
//! What they do with tasks is looked at in `tests/runtime`; here is only who is told, and when.

use std::task::Poll;

use proptest::prelude::*;
use runtime::sync::CancellationToken;
use runtime::task::{TaskTracker, TaskTrackerToken};

use crate::steps::{Step, ready};

#[test]
fn a_wait_of_a_token_ends_once_it_was_asked_and_not_by_its_child() {
    let root = CancellationToken::new();
    let child = root.child_token();
    let mut waits = Step::waiting(root.cancelled());
    child.cancel();
    waits.assert_waits();
    root.cancel();
    waits.woken();
    ready(root.child_token().cancelled());
}

/// A tree in which everything that ever was is kept.
struct Asked {
    parent: Option<usize>,
    asked: bool,
}

fn is_asked(tree: &[Asked], mut at: usize) -> bool {
    while let Some(parent) = tree[at].parent.filter(|_| !tree[at].asked) {
        at = parent;
    }
    tree[at].asked
}

proptest! {
    /// Seen to fail with a `cancel` that stops at the children, and with one that leaves those out
    /// whose parent's tokens have all gone.
    #[test]
    fn tokens_agree_with_a_tree(
        steps in prop::collection::vec((0_u8..7, 0_usize..64), 0..80),
    ) {
        let mut tokens = vec![(0, CancellationToken::new())];
        let mut tree = vec![Asked { parent: None, asked: false }];
        let mut waits: Vec<(usize, Step<'_, ()>)> = Vec::new();
        for (step, which) in steps {
            if tokens.is_empty() {
                break;
            }
            let at = which % tokens.len();
            let (node, token) = &tokens[at];
            let (node, mut token) = (*node, token.clone());
            match step {
                0 | 1 => {
                    token = token.child_token();
                    tokens.push((tree.len(), token));
                    tree.push(Asked { parent: Some(node), asked: false });
                }
                2 => tokens.push((node, token)),
                3 => drop(tokens.swap_remove(at)),
                4 | 5 => waits.push((node, Step::new(token.cancelled_owned()))),
                _ if which % 3 == 0 => {
                    token.cancel();
                    tree[node].asked = true;
                }
                _ if !waits.is_empty() => drop(waits.swap_remove(which % waits.len())),
                _ => {}
            }
            for (node, token) in &tokens {
                prop_assert_eq!(token.is_cancelled(), is_asked(&tree, *node));
            }
            let mut left = Vec::new();
            for (node, mut wait) in waits {
                // Who waited and was asked must have been woken: `poll` alone would hide it.
                let is_told = wait.wakes() > 0 || wait.poll().is_ready();
                prop_assert_eq!(is_told, is_asked(&tree, node));
                if !is_told {
                    left.push((node, wait));
                }
            }
            waits = left;
        }
    }

    /// Seen to fail with a `close` that tells nobody, and with a last token that does not ask whether
    /// it is closed.
    #[test]
    fn a_tracker_agrees_with_a_count(
        steps in prop::collection::vec((0_u8..8, 0_usize..64), 0..80),
    ) {
        let tracker = TaskTracker::new();
        let mut tokens: Vec<TaskTrackerToken> = Vec::new();
        let mut is_closed = false;
        let mut waits: Vec<Step<'_, ()>> = Vec::new();
        for (step, which) in steps {
            match step {
                0 | 1 => tokens.push(tracker.token()),
                2 | 3 if !tokens.is_empty() => drop(tokens.swap_remove(which % tokens.len())),
                4 => {
                    prop_assert_eq!(tracker.close(), !is_closed);
                    is_closed = true;
                }
                5 => {
                    prop_assert_eq!(tracker.reopen(), is_closed);
                    is_closed = false;
                }
                6 => {
                    let mut wait = Step::new(tracker.wait());
                    let is_over = is_closed && tokens.is_empty();
                    prop_assert_eq!(wait.poll().is_ready(), is_over);
                    if !is_over {
                        waits.push(wait);
                    }
                }
                7 if !waits.is_empty() => drop(waits.swap_remove(which % waits.len())),
                _ => {}
            }
            prop_assert_eq!((tracker.len(), tracker.is_closed()), (tokens.len(), is_closed));
            let is_over = is_closed && tokens.is_empty();
            for wait in &waits {
                prop_assert_eq!(wait.wakes() > 0, is_over);
            }
            if is_over {
                for wait in waits.drain(..) {
                    wait.woken();
                }
            }
        }
        for mut wait in waits {
            prop_assert_eq!(wait.poll(), Poll::Pending);
        }
    }
}
