//! Finds names in texts, whatever their case and white space, and replaces them.

/// How a name is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Anywhere: a full name is not part of another word.
    Anywhere,
    /// As whole words: a single name may be part of many words.
    WholeWords,
}

/// A name to search for.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// In lower case, with one space for any run of white space.
    characters: Vec<char>,
    /// Its longest word, for a quick first check: a text without it does not contain the name.
    longest: String,
    matching: Match,
}

impl Pattern {
    pub fn new(name: &str, matching: Match) -> Self {
        let words: Vec<String> = name.split_whitespace().map(lowered).collect();
        let longest = words.iter().max_by_key(|word| word.len()).cloned().unwrap_or_default();
        Self { characters: words.join(" ").chars().collect(), longest, matching }
    }

    /// Whether a text may contain the name; `lower` is the text in lower case.
    fn may_be_in(&self, lower: &str) -> bool {
        !self.characters.is_empty() && lower.contains(&self.longest)
    }

    /// Whether a text contains the name.
    pub fn is_in(&self, text: &str) -> bool {
        self.may_be_in(&lowered(text)) && self.replaced(text, "").is_some()
    }

    /// The text with every occurrence of the name replaced; `None` if there is none.
    fn replaced(&self, text: &str, replacement: &str) -> Option<String> {
        let characters: Vec<char> = text.chars().collect();
        let mut result = String::with_capacity(text.len());
        let mut index = 0;
        let mut has_match = false;
        while index < characters.len() {
            match self.length_at(&characters, index) {
                Some(length) => {
                    result.push_str(replacement);
                    index += length;
                    has_match = true;
                }
                None => {
                    result.extend(characters.get(index));
                    index += 1;
                }
            }
        }
        has_match.then_some(result)
    }

    /// The number of characters from `index` on that spell the name.
    fn length_at(&self, characters: &[char], index: usize) -> Option<usize> {
        let length = matching_length(characters.get(index..)?, &self.characters)?;
        let is_letter = |position: Option<usize>| {
            position.and_then(|position| characters.get(position)).is_some_and(|c| c.is_alphanumeric())
        };
        let stands_alone = !is_letter(index.checked_sub(1)) && !is_letter(index.checked_add(length));
        (self.matching == Match::Anywhere || stands_alone).then_some(length)
    }
}

/// Names, and the text that replaces each of them.
#[derive(Debug, Clone)]
pub struct Patterns {
    all: Vec<Pattern>,
    replacement: String,
}

impl Patterns {
    /// Sorts the names: the longest are replaced first, so that a shorter one does not break up a longer one.
    pub fn new(mut all: Vec<Pattern>, replacement: String) -> Self {
        all.sort_by_key(|pattern| std::cmp::Reverse(pattern.characters.len()));
        Self { all, replacement }
    }

    /// The text without the names; `None` if it contains none.
    pub fn redacted(&self, text: &str) -> Option<String> {
        let lower = lowered(text);
        let mut redacted = None;
        for pattern in self.all.iter().filter(|pattern| pattern.may_be_in(&lower)) {
            let text = redacted.as_deref().unwrap_or(text);
            if let Some(replaced) = pattern.replaced(text, &self.replacement) {
                redacted = Some(replaced);
            }
        }
        redacted
    }
}

/// A text in lower case. Each character is converted alone, whatever its neighbours are.
pub fn lowered(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The number of characters at the beginning of `characters` that spell `name`, which is in lower case.
fn matching_length(characters: &[char], name: &[char]) -> Option<usize> {
    let mut remaining = name;
    let mut length = 0;
    let mut in_space = false;
    for letter in characters {
        if remaining.first() == Some(&' ') && letter.is_whitespace() {
            in_space = true;
            length += 1;
            continue;
        }
        if std::mem::take(&mut in_space) {
            remaining = remaining.get(1..).unwrap_or_default();
        }
        if remaining.is_empty() {
            break;
        }
        for lower in letter.to_lowercase() {
            let (first, rest) = remaining.split_first()?;
            if *first != lower {
                return None;
            }
            remaining = rest;
        }
        length += 1;
    }
    (remaining.is_empty() && length > 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str, name: &str, matching: Match) -> String {
        let patterns = Patterns::new(vec![Pattern::new(name, matching)], "Name withheld".to_owned());
        patterns.redacted(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_full_name_is_found_in_every_case_and_nothing_else_is_touched() {
        let name = |text: &str| redacted(text, "Zoë İnal", Match::Anywhere);
        assert_eq!(
            name("Keynote by ZOË İNAL, and Zoë İnal's paper"),
            "Keynote by Name withheld, and Name withheld's paper"
        );
        assert_eq!(name("Zoë\u{a0}İnal; Zoë \n İnal; Zoë İnal"), "Name withheld; Name withheld; Name withheld");
        for other in ["Zoë and İnal", "Zoë İna", "ZoëİNAL", "Zoë ", ""] {
            assert_eq!(name(other), other);
        }
        let one_name = |text: &str| redacted(text, "Sec", Match::WholeWords);
        let redacted = one_name("Sec (and SEC) on security, sec.");
        assert_eq!(redacted, "Name withheld (and Name withheld) on security, Name withheld.");
    }

    #[test]
    fn of_names_within_names_the_longest_is_replaced() {
        let words = ["Quux", "Mme Quux"].map(|word| Pattern::new(word, Match::WholeWords)).to_vec();
        let patterns = Patterns::new(words, "-".to_owned());
        assert_eq!(patterns.redacted("MME\u{a0}QUUX, quux and quuxes").unwrap(), "-, - and quuxes");
        assert_eq!(patterns.redacted("quuxes"), None);
    }
}
