DROP TABLE uid_hosts;
