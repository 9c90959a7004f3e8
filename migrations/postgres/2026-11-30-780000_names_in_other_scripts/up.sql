-- Names of other scripts were folded to Latin letters that several of them share (王伟 and 王薇). An empty folded name is
-- folded anew by the service when it starts.
UPDATE registrations SET name_folded = '' WHERE NOT shares_mailbox AND octet_length(concat(name, given_name, family_name)) <> char_length(concat(name, given_name, family_name));
