using System.Globalization;
using System.Text;
using StackExchange.Redis;

namespace Clustron;

/// <summary>A key, or all keys with a prefix.</summary>
internal sealed class WatchTarget(int database, bool isPrefix, byte[] name, bool wantsPrevious)
{
    private static readonly byte[] PreviousSuffix = ";prev"u8.ToArray();

    /// <summary>The channel tells values before: they are wanted, or the name ends as if they were.</summary>
    public bool HasPrevious { get; } = wantsPrevious || name.AsSpan().EndsWith(PreviousSuffix);

    public bool WantsPrevious => wantsPrevious;

    public RedisValue Channel
    {
        get
        {
            byte[] head = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"__watch@{database}__:{(isPrefix ? 'p' : 'k')}:"));
            return (byte[])[.. head, .. name, .. HasPrevious ? PreviousSuffix : []];
        }
    }

    public Command Get() => isPrefix ? Command.Of("WATCHKEY", "GET", "PREFIX", Name) : Command.Of("WATCHKEY", "GET", Name);

    public Command Since(long revision, int limit)
    {
        var words = new List<object> { "SINCE", revision, isPrefix ? "PREFIX" : "KEY", Name, "LIMIT", limit };
        if (wantsPrevious) words.Add("PREV");
        return Command.Of("WATCHKEY", [.. words]);
    }

    public override string ToString() => $"{(isPrefix ? "prefix" : "key")} '{Encoding.UTF8.GetString(name)}'";

    /// <summary>A key is a key to the multiplexer, a prefix is not.</summary>
    private object Name => isPrefix ? (RedisValue)name : (RedisKey)name;
}
