using System.Buffers.Text;
using System.Text;
using StackExchange.Redis;

namespace Clustron;

/// <summary>What a message of a watch's channel is.</summary>
internal enum WatchMessageKind
{
    /// <summary><c>sync rev</c>: the channel begins here, or nothing happened up to there.</summary>
    Sync,

    /// <summary><c>gap from to</c>: events are left out.</summary>
    Gap,

    /// <summary><c>reset rev flush|swap</c></summary>
    Reset,

    /// <summary>The events of one revision.</summary>
    Events,
}

/// <param name="Kind">What it is.</param>
/// <param name="Revision">The newest that it speaks of.</param>
/// <param name="Previous">Of events: the revision of the channel's message before, at this node.</param>
/// <param name="Reason">Of a reset.</param>
/// <param name="Events">Of events.</param>
internal sealed record WatchMessage(WatchMessageKind Kind, long Revision, long Previous, string Reason, IReadOnlyList<WatchEvent> Events)
{
    private static readonly IReadOnlyList<WatchEvent> NoEvents = [];

    /// <summary>Null: it is not what a watch is told.</summary>
    /// <param name="message">Its bytes.</param>
    /// <param name="previousValues">The channel tells values before, too.</param>
    public static WatchMessage? Parse(ReadOnlySpan<byte> message, bool previousValues)
    {
        if (message.Length > 0 && message[0] is >= (byte)'0' and <= (byte)'9') return ParseEvents(message, previousValues);
        return Encoding.ASCII.GetString(message).Split(' ') switch
        {
            ["sync", var rev] when Number(rev) is { } n => new(WatchMessageKind.Sync, n, n, "", NoEvents),
            ["gap", var from, var to] when Number(from) is { } a && Number(to) is { } b => new(WatchMessageKind.Gap, b, a, "", NoEvents),
            ["reset", var rev, var how] when Number(rev) is { } n => new(WatchMessageKind.Reset, n, 0, how, NoEvents),
            _ => null,
        };
    }

    private static WatchMessage? ParseEvents(ReadOnlySpan<byte> message, bool previousValues)
    {
        if (!TakeLine(ref message, out string header)) return null;
        string[] words = header.Split(' ');
        if (words.Length != 3 || Number(words[0]) is not { } revision || Number(words[1]) is not { } previous || Number(words[2]) is not { } count) return null;
        var events = new List<WatchEvent>();
        for (long i = 0; i < count; ++i)
        {
            if (TakeEvent(ref message, revision, previousValues) is not { } e) return null;
            events.Add(e);
        }
        return message.IsEmpty && events.Count > 0 ? new(WatchMessageKind.Events, revision, previous, "", events) : null;
    }

    /// <summary><c>put|del reason lease|- keylen valuelen [previouslen]</c>, and the raw bytes.</summary>
    private static WatchEvent? TakeEvent(ref ReadOnlySpan<byte> message, long revision, bool previousValues)
    {
        if (!TakeLine(ref message, out string line)) return null;
        string[] words = line.Split(' ');
        int lengths = previousValues ? 3 : 2;
        if (words.Length < 3 + lengths || words[0] is not ("put" or "del")) return null;
        if (!TakeBytes(ref message, words[^lengths], out byte[]? key) || key is null) return null;
        if (!TakeBytes(ref message, words[^(lengths - 1)], out byte[]? value)) return null;
        byte[]? before = null;
        if (previousValues && !TakeBytes(ref message, words[^1], out before)) return null;
        // A lease's id may have spaces in it.
        string lease = string.Join(' ', words[2..^lengths]);
        bool put = words[0] == "put";
        return new WatchEvent
        {
            Kind = put ? WatchEventKind.Put : WatchEventKind.Delete,
            Revision = revision,
            Key = key,
            Value = put ? value : RedisValue.Null,
            HasValue = put && value is not null,
            PreviousValue = before,
            Reason = words[1],
            LeaseId = lease == "-" ? null : lease,
        };
    }

    private static bool TakeLine(ref ReadOnlySpan<byte> rest, out string line)
    {
        int end = rest.IndexOf((byte)'\n');
        line = end < 0 ? "" : Encoding.UTF8.GetString(rest[..end]);
        if (end >= 0) rest = rest[(end + 1)..];
        return end >= 0;
    }

    /// <summary>A negative length: there are no bytes, and null is what they are.</summary>
    private static bool TakeBytes(ref ReadOnlySpan<byte> rest, string length, out byte[]? bytes)
    {
        bytes = null;
        if (length is "-1" or "-2") return true;
        if (Number(length) is not { } n || n > rest.Length) return false;
        bytes = rest[..(int)n].ToArray();
        rest = rest[(int)n..];
        return true;
    }

    private static long? Number(string word) =>
        Utf8Parser.TryParse(Encoding.ASCII.GetBytes(word), out long n, out int used) && used == word.Length && n >= 0 ? n : null;
}
