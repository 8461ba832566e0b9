namespace Clustron;

/// <summary>
/// Makes a write safe to repeat: the server stores its reply under this id (<c>ONCE</c>), and a repeat has no effect. With one, the
/// library repeats the write until its outcome is known.
/// </summary>
/// <param name="Value">1 to 256 bytes, unique per operation; the same id with another command is an error.</param>
/// <param name="Keep">How long the reply is kept: longer than anybody repeats it. At most 24 h.</param>
public readonly record struct RequestId(string Value, TimeSpan Keep)
{
    /// <summary>An id that nobody else has, kept for a minute unless said otherwise.</summary>
    public static RequestId New(TimeSpan? keep = null) => new(Guid.NewGuid().ToString("N"), keep ?? TimeSpan.FromMinutes(1));

    internal Command Wrap(Command command) => command.Under("ONCE", Value, (long)Keep.TotalMilliseconds);
}
