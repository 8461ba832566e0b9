using Microsoft.Extensions.Caching.Distributed;
using StackExchange.Redis;

namespace Clustron.Caching.Internal;

/// <summary>When an entry of the distributed cache ends: at a time, so long after its last use, or both. Immutable.</summary>
internal sealed class CacheExpiry
{
    private const long NotPresent = -1;
    private readonly TimeSpan? _relative;

    private CacheExpiry(long absoluteTicks, long slidingTicks, TimeSpan? relative) =>
        (AbsoluteTicks, SlidingTicks, _relative) = (absoluteTicks, slidingTicks, relative);

    /// <summary>UTC; -1: none.</summary>
    public long AbsoluteTicks { get; }

    /// <summary>-1: none.</summary>
    public long SlidingTicks { get; }

    public bool IsSliding => SlidingTicks != NotPresent;

    /// <exception cref="ArgumentOutOfRangeException">The absolute time is not in the future.</exception>
    public static CacheExpiry Of(DistributedCacheEntryOptions options, DateTimeOffset now)
    {
        TimeSpan? relative = options.AbsoluteExpirationRelativeToNow;
        DateTimeOffset? absolute = relative is { } span ? now + span : options.AbsoluteExpiration;
        if (absolute <= now)
            throw new ArgumentOutOfRangeException(nameof(DistributedCacheEntryOptions.AbsoluteExpiration), absolute, "The absolute expiration value must be in the future.");
        return new CacheExpiry(absolute?.UtcTicks ?? NotPresent, options.SlidingExpiration?.Ticks ?? NotPresent, relative);
    }

    /// <summary>As it stands in an entry; null: there is none, or it is no number.</summary>
    public static CacheExpiry? Stored(RedisValue absolute, RedisValue sliding) =>
        !absolute.IsNull && !sliding.IsNull && absolute.TryParse(out long a) && sliding.TryParse(out long s) ? new CacheExpiry(a, s, null) : null;

    /// <summary>The commands that give a key its end, from now on.</summary>
    public IEnumerable<Command> Ends(RedisKey key)
    {
        TimeSpan? span = _relative;
        if (IsSliding && TimeSpan.FromTicks(SlidingTicks) is var sliding && (span is null || sliding < span)) span = sliding;
        if (span is { } left) yield return Command.Of("PEXPIRE", key, Milliseconds(left.Ticks));
        // A time that is not relative to now: by the server's wall clock, if that is earlier.
        if (_relative is null && AbsoluteTicks != NotPresent)
        {
            long at = Milliseconds(AbsoluteTicks - DateTimeOffset.UnixEpoch.Ticks);
            yield return IsSliding ? Command.Of("PEXPIREAT", key, at, "LT") : Command.Of("PEXPIREAT", key, at);
        }
    }

    private static long Milliseconds(long ticks) => Math.Max(1, ticks / TimeSpan.TicksPerMillisecond);
}
