//! Mail servers that hang, at each step of the conversation.
