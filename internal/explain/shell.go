package explain

// What somebody reads whom sshd has given to "pathgate shell", where it goes no
// further. None of it tells of the host's files.
const (
	// ShellCommand is for what is neither fetch nor push nor archive.
	ShellCommand = "this key can fetch and push, and nothing else"
	// ShellRepository is for a path that is no repository, or not for clients.
	ShellRepository = "there is no repository of that name here"
	// ShellPolicy is for a policy that cannot be read or is wrong.
	ShellPolicy = "the policy of this server cannot be read: tell its administrators"
	// ShellFault is for all else that went wrong.
	ShellFault = "pathgate could not serve the repository: tell the administrators"
)
