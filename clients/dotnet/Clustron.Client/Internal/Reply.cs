using StackExchange.Redis;

namespace Clustron.Internal;

/// <summary>Reads replies: integers, bulk strings, nil and arrays, the same in both protocols.</summary>
internal static class Reply
{
    public static bool IsArray(this RedisResult reply) => reply.Resp2Type == ResultType.Array && !reply.IsNull;

    /// <summary>The elements of an array with at least so many.</summary>
    public static RedisResult[] Array(this RedisResult reply, Command command, int atLeast = 0)
    {
        if (!reply.IsArray()) throw Errors.Unexpected(command, reply);
        var elements = (RedisResult[])reply!;
        return elements.Length >= atLeast ? elements : throw Errors.Unexpected(command, reply);
    }

    public static TimeSpan Milliseconds(this RedisResult reply) => TimeSpan.FromMilliseconds((long)reply);

    public static RedisValue Value(this RedisResult reply) => reply.IsNull ? RedisValue.Null : (RedisValue)reply;

    public static string? Text(this RedisResult reply) => reply.IsNull ? null : (string?)reply;
}

/// <summary>Checks of arguments that several commands share.</summary>
internal static class Arguments
{
    public static readonly TimeSpan LeastTtl = TimeSpan.FromMilliseconds(100);
    public static readonly TimeSpan LongestTtl = TimeSpan.FromDays(30);

    /// <summary>A TTL in whole milliseconds, 100 ms to 30 days.</summary>
    public static long Ttl(TimeSpan ttl, string name)
    {
        if (ttl < LeastTtl || ttl > LongestTtl) throw new ArgumentOutOfRangeException(name, ttl, "A TTL is between 100 ms and 30 days.");
        return (long)ttl.TotalMilliseconds;
    }

    public static string Name(string value, string name, int bytesMax)
    {
        ArgumentException.ThrowIfNullOrEmpty(value, name);
        if (System.Text.Encoding.UTF8.GetByteCount(value) > bytesMax) throw new ArgumentException($"'{value}' has more than {bytesMax} bytes.", name);
        return value;
    }
}
