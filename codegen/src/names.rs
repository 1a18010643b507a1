//! Names of the site as names of the language.

use std::collections::BTreeSet;

/// What a generated type has of its own: the name of its entity type.
const OWN: &str = "entity_type";

/// What C and C++ keep for themselves.
const TAKEN: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    // Macros of common headers.
    "errno",
    "major",
    "minor",
    "unix",
    "linux",
    "NULL",
    "EOF",
];

/// Whether a name is none that a program may give, in C or in C++.
pub fn is_taken(name: &str) -> bool {
    TAKEN.contains(&name)
}

/// Hands out names of one scope, each once.
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// An empty scope in which `reserved` is taken.
    pub fn new(reserved: &[&str]) -> Scope {
        Scope(reserved.iter().map(|name| (*name).to_owned()).collect())
    }

    /// A name for what the site calls `name`: the same wherever the language allows it.
    pub fn name(&mut self, name: &str) -> String {
        let mut plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        // Two underscores in a row are the compiler's in C++.
        while plain.contains("__") {
            plain = plain.replace("__", "_");
        }
        if plain.starts_with(|first: char| first.is_ascii_digit()) || plain.is_empty() {
            plain.insert(0, 'n');
        }
        // An underscore and a capital are the compiler's too.
        let plain = plain.strip_prefix('_').map_or(plain.clone(), |rest| format!("n_{rest}"));
        let plain = if is_taken(&plain) || plain == OWN {
            format!("{plain}_")
        } else {
            plain
        };
        let mut free = plain.clone();
        for count in 2.. {
            if self.0.insert(free.clone()) {
                break;
            }
            free = format!("{}_{count}", plain.trim_end_matches('_'));
        }
        free
    }
}

/// A text within a comment: one line, and nothing that ends it.
pub fn comment(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    // A backslash at a line's end would take the next line in, and trigraphs still warn.
    words
        .join(" ")
        .replace("*/", "* /")
        .replace("/*", "/ *")
        .replace('\\', "/")
        .replace("??", "? ?")
}

/// A text as a literal of C and C++. Whatever is not plain ASCII is written in octal, which no following character can extend.
pub fn literal(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' if byte != b'?' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\{byte:03o}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_and_stay_apart() {
        let mut scope = Scope::new(&["Shot"]);
        let cases = [
            ("sg_cut_in", "sg_cut_in"),
            ("class", "class_"),
            ("a-b", "a_b"),
            ("a b", "a_b_2"),
            ("a__b", "a_b_3"),
            ("2d", "n2d"),
            ("_Hidden", "n_Hidden"),
            ("", "n"),
            ("Shot", "Shot_2"),
            ("größe", "gr_e"),
            ("class_", "class_2"),
        ];
        for (name, expected) in cases {
            assert_eq!(scope.name(name), expected, "{name}");
        }
    }

    #[test]
    fn comments_and_literals_stay_closed() {
        assert_eq!(comment("ends */ here\nand /* there \\"), "ends * / here and / * there /");
        assert_eq!(literal("a\"b\\c\n1é??/"), "\"a\\\"b\\\\c\\0121\\303\\251\\077\\077/\"");
    }
}
