//! What waits: the methods of net's sources whose heads say that they return a future.
//!
//! A method is named with its type, as `Socket<TcpStream>::read`. What is written for all sockets of a
//! sort is a method of each of them: which they are is said by `impl Bytes for ...` and the like. A
//! name that the compiler gives to a method is brought into the same form by [`name_of`].
//!
//! The danger is a form of writing that is not understood here, and methods that nobody looks for. The
//! sources are formatted, so there are few; and what is dropped and was not found here is an error of
//! the test, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The methods that return a future, of all public types and traits below these parts of net.
pub(super) fn methods(parts: &[&str]) -> BTreeSet<String> {
    let net = Path::new(env!("CARGO_MANIFEST_DIR")).join("../net/src");
    let all = texts(&net);
    let names = Names::of(&all);
    let parts = parts.iter().flat_map(|part| texts(&net.join(part)));
    parts.flat_map(|text| names.methods_of(&text)).collect()
}

/// The sources of a file, or of all files of a folder, without comments.
fn texts(path: &Path) -> Vec<String> {
    if path.is_file() {
        let text = fs::read_to_string(path).unwrap();
        let code = text.lines().filter(|line| !line.trim().starts_with("//"));
        return vec![code.collect::<Vec<_>>().join("\n")];
    }
    let entries = fs::read_dir(path).unwrap();
    let texts = entries.flat_map(|entry| texts(&entry.unwrap().path()));
    texts.collect()
}

/// What the names of types stand for.
struct Names {
    /// `TcpStream` is `Socket<TcpStream>`, the latter std's.
    aliases: BTreeMap<String, String>,
    /// `Bytes` has `TcpStream` and `UnixStream`.
    kinds: BTreeMap<String, BTreeSet<String>>,
}

impl Names {
    fn of(texts: &[String]) -> Self {
        let (mut aliases, mut kinds) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
        for text in texts {
            for line in text.lines() {
                if let Some((name, of)) = alias(line) {
                    let (head, kind) = of.split_once('<').unwrap();
                    let kind = imported(text, kind.trim_end_matches('>'));
                    aliases.insert(name.to_owned(), format!("{head}<{kind}>"));
                }
                if let Some((sort, kind)) = kind(line) {
                    let kind = imported(text, kind);
                    kinds.entry(sort.to_owned()).or_default().insert(kind);
                }
            }
        }
        Self { aliases, kinds }
    }

    fn methods_of(&self, text: &str) -> BTreeSet<String> {
        let mut methods = BTreeSet::new();
        let mut owners = vec![String::new()];
        let (mut in_trait, mut indent) = (false, "");
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n') {
            let code = line.trim_start();
            let depth = &line[..line.len() - code.len()];
            if code == "}" && depth == indent {
                (owners, in_trait) = (vec![String::new()], false);
            } else if let Some(head) = head_of(rest, code, &["impl", "pub trait "]) {
                owners = self.owners(text, head);
                (in_trait, indent) = (code.starts_with("pub trait "), depth);
            } else if let Some(head) = head_of(rest, code, FUNCTIONS) {
                let is_public = code.starts_with("pub ") || in_trait;
                let waits = head.contains("async fn ") || head.contains("-> impl Future");
                let name = function(head);
                // Those of a macro for numbers are alike: some of them stand for all.
                if is_public && waits && !name.starts_with('$') {
                    methods.extend(owners.iter().map(|owner| joined(owner, name)));
                }
            }
            rest = after;
        }
        methods
    }

    /// The types that the methods of an `impl` or of a trait belong to; none for an `impl` of a trait.
    fn owners(&self, text: &str, head: &str) -> Vec<String> {
        if head.contains(" for ") {
            return Vec::new();
        }
        let head = head.trim_start_matches("pub trait ");
        let (generics, owner) = match head.strip_prefix("impl") {
            Some(head) => generics(head),
            None => ("", head),
        };
        let name = identifier(owner);
        match name {
            "Socket" => {
                let sort = generics.split_once("S: ").map(|(_, sort)| identifier(sort));
                let kinds = sort.and_then(|sort| self.kinds.get(sort));
                let kinds = kinds.unwrap_or_else(|| panic!("which sockets are meant by {head}?"));
                kinds.iter().map(|kind| format!("Socket<{kind}>")).collect()
            }
            // What a macro writes: `outputs!(Stdout, Stderr);` says for which types.
            "$kind" => arguments(text).map(str::to_owned).collect(),
            _ => vec![
                self.aliases
                    .get(name)
                    .map_or(name, String::as_str)
                    .to_owned(),
            ],
        }
    }
}

/// The first `name<...> of<...>` of `pub type`, if it names a socket or an end of a pipe.
fn alias(line: &str) -> Option<(&str, &str)> {
    let (name, of) = line.strip_prefix("pub type ")?.split_once(" = ")?;
    let of = of.trim_end_matches(';');
    (of.starts_with("Socket<") || of.starts_with("End<")).then_some((name, of))
}

/// `impl SORT for KIND`, with or without more in its braces.
fn kind(line: &str) -> Option<(&str, &str)> {
    let (sort, kind) = line.strip_prefix("impl ")?.split_once(" for ")?;
    Some((sort, identifier(kind)))
}

/// What a name of this file is elsewhere.
fn imported(text: &str, name: &str) -> String {
    let renamed = text.split_once(&format!(" as {name}"));
    let original = renamed.and_then(|(before, _)| before.rsplit([' ', '{', ':', ',']).next());
    original.unwrap_or(name).to_owned()
}

/// Up to its body, what begins in a way such as one of these.
fn head_of<'a>(rest: &'a str, code: &str, starts: &[&str]) -> Option<&'a str> {
    let found = starts.iter().any(|start| code.starts_with(start));
    let rest = rest.trim_start();
    found.then(|| rest.split(['{', ';']).next().unwrap().trim())
}

const FUNCTIONS: &[&str] = &["pub fn ", "pub async fn ", "fn ", "async fn "];

/// The name in the head of a function.
fn function(head: &str) -> &str {
    let (_, name) = head.split_once("fn ").unwrap();
    name.split(['(', '<']).next().unwrap()
}

/// What stands in the angle brackets at the start, and what comes after them.
fn generics(head: &str) -> (&str, &str) {
    let Some(inner) = head.strip_prefix('<') else {
        return ("", head.trim_start());
    };
    let mut depth = 1;
    let end = inner.find(|character| {
        depth += match character {
            '<' => 1,
            '>' => -1,
            _ => 0,
        };
        depth == 0
    });
    let (generics, rest) = inner.split_at(end.expect("the brackets are closed"));
    (generics, rest[1..].trim_start())
}

fn identifier(text: &str) -> &str {
    let is_part = |character: char| character.is_alphanumeric() || "_$".contains(character);
    text.split(|character| !is_part(character)).next().unwrap()
}

/// What a macro is called with in this file.
fn arguments(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().filter(|line| !line.starts_with(' '));
    let (_, arguments) = lines.find_map(|line| line.split_once("!(")).unwrap();
    arguments.trim_end_matches(");").split(", ")
}

fn joined(owner: &str, method: &str) -> String {
    match owner {
        "" => method.to_owned(),
        owner => format!("{owner}::{method}"),
    }
}

/// The name in the form used here, of what the compiler calls a method: with the paths of all that it
/// is made of, and its type as `<impl ..>` or `<.. as Trait>` where that is not written beside it.
pub(super) fn name_of(type_name: &str) -> String {
    let path = without_arguments(type_name);
    let (owner, method) = path.rsplit_once("::").unwrap_or(("", path));
    if let Some((_, of)) = owner.split_once(" as net::") {
        return joined(last(without_arguments(of.trim_end_matches('>'))), method);
    }
    let owner = match owner.split_once("<impl ") {
        Some((_, owner)) => owner.strip_suffix('>').unwrap_or(owner),
        None => owner,
    };
    let head = last(without_arguments(owner));
    match head {
        "Socket" | "End" => {
            let kind = owner.split_once('<').map_or("", |(_, kind)| kind);
            joined(
                &format!("{head}<{}>", last(kind.trim_end_matches('>'))),
                method,
            )
        }
        // The folder of a function that is no method.
        head if head.starts_with(char::is_lowercase) => method.to_owned(),
        head => joined(head, method),
    }
}

/// A path without the angle brackets at its end.
fn without_arguments(path: &str) -> &str {
    if !path.ends_with('>') {
        return path;
    }
    let mut depth = 0;
    let start = path.rfind(|character| {
        depth += match character {
            '>' => 1,
            '<' => -1,
            _ => 0,
        };
        depth == 0
    });
    start.map_or(path, |start| &path[..start])
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap()
}

#[test]
fn names_of_the_compiler_are_understood() {
    for (name, expected) in [
        (
            "net::socket::bytes::<impl net::socket::shared::Socket<std::net::tcp::TcpStream>>::read",
            "Socket<TcpStream>::read",
        ),
        (
            "net::socket::shared::Socket<std::os::unix::net::stream::UnixStream>::async_io<(), a::{{closure}}>",
            "Socket<UnixStream>::async_io",
        ),
        (
            "<net::Dribble<&[u8]> as net::io::read::AsyncReadExt>::read",
            "AsyncReadExt::read",
        ),
        ("net::addr::lookup_host<&str>", "lookup_host"),
        ("net::io::copy::copy<A<B>, C>", "copy"),
        (
            "net::accept::Incoming<'_, a::B<c::D>>::accept",
            "Incoming::accept",
        ),
    ] {
        assert_eq!(name_of(name), expected);
    }
}
