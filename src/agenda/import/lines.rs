//! Where in a file something stands.

/// The lines of a text.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Finds the line breaks of a text.
    pub fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place).collect())
    }

    /// The number of the line, from 1, that holds the byte at `place`.
    pub fn line(&self, place: usize) -> usize {
        self.0.partition_point(|line_break| *line_break < place) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_byte_stands_in_the_line_that_it_is_in() {
        let lines = Lines::of("ab\nc\n\nd");
        let of: Vec<_> = (0..8).map(|place| lines.line(place)).collect();
        assert_eq!(of, [1, 1, 1, 2, 2, 3, 4, 4]);
    }
}
